"""Whose user name and password it is: the accounts of `dialects.isymphony.users`.

Hashing a password takes a good part of a second, on purpose. So it is done in threads, a few at a time;
who waits for it stands in a short line of the user at that address, and the lines take turns, so that
whoever tries out passwords delays nobody but himself. What was found out is remembered: the right
password of a user, and wrong ones, each as a keyed digest whose key never leaves the process. A user
whose password is known waits for nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from wsevents.api.identity import Denied, Identity, Unavailable
from wsevents.api.interfaces import IAuthority
from wsevents.core.fair_queue import FairQueue
from wsevents.core.password_hash import matches, parse
from wsevents.dialects.isymphony.basic import Credentials
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from twisted.python.failure import Failure

    from wsevents.api.identity import Answer
    from wsevents.core.password_hash import ScryptHash
    from wsevents.dialects.isymphony.settings import Account, IsymphonySettings

THREADS = 2
"""Hashes that are computed at a time."""
IN_LINE = 8
"""Passwords of one user at one address that may wait for it; more are sent away, to come again."""
WAITING = 32
"""The same of all together: few of the handshakes that may be under way, and so few that even on a slow
machine each has its turn before its handshake has taken too long."""
WRONG = 4096
"""Wrong passwords that are remembered."""

_DENIED = Denied("the user or the password is wrong")


@define(eq=False)
class VerifiedPasswords:
    """Passwords that were looked at before, as digests: of each user the right one, and some wrong ones."""

    size: int = WRONG
    _key: bytes = field(factory=lambda: token_bytes(32), repr=False)
    _right: dict[str, bytes] = field(factory=dict, repr=False)
    _wrong: OrderedDict[bytes, None] = field(factory=OrderedDict, repr=False)

    def recall(self, credentials: Credentials) -> bool | None:
        """Say whether the password is right, or None if it is not known."""
        digest = self._digest(credentials)
        if compare_digest(self._right.get(credentials.user, b""), digest):
            return True
        return False if digest in self._wrong else None

    def keep(self, credentials: Credentials, *, right: bool) -> None:
        """Remember; of the wrong ones the oldest make room."""
        digest = self._digest(credentials)
        if right:
            self._right[credentials.user] = digest
            return
        self._wrong[digest] = None
        while len(self._wrong) > self.size:
            self._wrong.popitem(last=False)

    def __len__(self) -> int:
        return len(self._right) + len(self._wrong)

    def _digest(self, credentials: Credentials) -> bytes:
        pair = f"{credentials.user}\0{credentials.password}"
        return blake2b(pair.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


@define(eq=False)
class _Verification:
    """Credentials that are to be looked at, and who waits for that."""

    credentials: Credentials
    line: Hashable
    answer: Deferred[Answer]


@implementer(IAuthority)
class IsymphonyAuthority(Service):
    """Answers `Credentials`.

    Args:
        settings: the dialect's section.
        reactor: whose threads' answers come back in its own.
    """

    _log = Logger()

    def __init__(self, settings: IsymphonySettings, reactor: Any) -> None:
        self._reactor = reactor
        self._identities = {name: _identity(name, user) for name, user in settings.users.items()}
        self._hashes = {name: parse(user.password_hash) for name, user in settings.users.items()}
        self._nobody = _like(next(iter(self._hashes.values())))
        self._memory = VerifiedPasswords()
        self._lines: FairQueue[_Verification] = FairQueue(IN_LINE, WAITING)
        self._busy = 0
        self._pool: ThreadPool  # while it runs; one that was stopped cannot start again

    @classmethod
    def create(cls, settings: IsymphonySettings, reactor: Any) -> IsymphonyAuthority:
        """Return an authority for the users of this section."""
        return cls(settings, reactor)

    def startService(self) -> None:
        """Have threads; they begin when there is work."""
        super().startService()
        self._pool = ThreadPool(0, THREADS, "isymphony passwords")
        self._pool.start()

    def stopService(self) -> None:
        """Send away who waits, and let the threads end what they are at."""
        super().stopService()
        while (visit := self._lines.next()) is not None:
            visit.answer.callback(Unavailable("stopping"))
        self._pool.stop()

    def revise(self, identity: Identity) -> Answer:
        """Return it as it is: nothing here changes without a restart."""
        return identity

    def watch(self, changed: Callable[[], None]) -> None:
        """Do nothing: `revise` never says anything new."""

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer from memory, or when a thread has looked at the password."""
        if not self.running or not isinstance(question, Credentials):
            return succeed(Unavailable("not running, or not asked for credentials"))
        known = self._memory.recall(question)
        if known is not None:
            return succeed(self._verdict(question, right=known))
        line = question.address, question.user if question.user in self._hashes else None
        waiting: Deferred[Answer] = Deferred(lambda _: self._lines.leave(line, visit))
        visit = _Verification(question, line, waiting)
        displaced = self._lines.join(line, visit)
        self._work()
        if displaced is not None:
            displaced.answer.callback(Unavailable("too many passwords wait for being looked at"))
        return waiting

    def _verdict(self, credentials: Credentials, *, right: bool) -> Answer:
        return self._identities[credentials.user] if right else _DENIED

    def _work(self) -> None:
        """Look at the passwords of those whose turn it is."""
        while self._busy < THREADS and (visit := self._lines.next()) is not None:
            credentials = visit.credentials
            known = self._memory.recall(credentials)  # it may have been looked at since
            if known is not None:
                visit.answer.callback(self._verdict(credentials, right=known))
                continue
            self._busy += 1
            form = self._hashes.get(credentials.user, self._nobody)
            looked = deferToThreadPool(self._reactor, self._pool, matches, credentials.password, form)
            answered: Deferred[Answer] = looked.addCallback(self._found, credentials)
            answered.addErrback(self._failed).addCallback(self._tell, visit)

    def _found(self, right: bool, credentials: Credentials) -> Answer:
        right = right and credentials.user in self._hashes
        self._memory.keep(credentials, right=right)
        return self._verdict(credentials, right=right)

    def _failed(self, failure: Failure) -> Answer:
        self._log.error(
            "a password could not be looked at: {safe_location}", safe_location=safe_location(failure)
        )
        return Unavailable("the password could not be looked at")

    def _tell(self, answer: Answer, visit: _Verification) -> None:
        self._busy -= 1
        if self.running:
            self._work()
        if not visit.answer.called:  # else whoever asked has gone
            visit.answer.callback(answer)


def _identity(name: str, account: Account) -> Identity:
    """Return who an account is; one of all tenants has a dash for the log, which nothing looks at."""
    return Identity(
        subject=name,
        tenant=account.tenant_uuid or "-",
        acl=tuple(account.acl),
        reach="all" if account.tenant_uuid is None else "tenant",
    )


def _like(form: ScryptHash) -> ScryptHash:
    """Return the hash of no password that takes as long: how long an answer takes tells no user names."""
    return evolve(form, salt=token_bytes(len(form.salt)), digest=token_bytes(len(form.digest)))
