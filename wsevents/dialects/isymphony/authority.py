"""Verifies user names and passwords against the accounts in `dialects.isymphony.users`.

A password hash is slow by design: it takes a large part of a second. So threads compute the hashes.
Each pair of client address and user has a short queue, and the queues are served in turn. An attacker that
guesses passwords therefore delays only its own requests.

The authority caches results: the correct password of each user, and wrong passwords. The cache has keyed
digests; the key exists only in the memory of the process. A cached password needs no thread.
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
"""Hashes that are computed at the same time, at most."""
QUEUED_PER_USER = 8
"""Queued passwords of one user from one address, at most; further ones get Unavailable."""
QUEUED = 32
"""Queued passwords in total, at most. A slow machine checks so many within the timeout of a handshake."""
WRONG = 4096
"""Wrong passwords in the cache, at most."""

_DENIED = Denied("the user or the password is wrong")


@define(eq=False)
class VerifiedPasswords:
    """A cache of checked passwords, as digests: the correct one of each user, and the latest wrong ones."""

    size: int = WRONG
    _key: bytes = field(factory=lambda: token_bytes(32), repr=False)
    _correct: dict[str, bytes] = field(factory=dict, repr=False)
    _wrong: OrderedDict[bytes, None] = field(factory=OrderedDict, repr=False)

    def get(self, credentials: Credentials) -> bool | None:
        """Return whether the password is correct; None: it is not in the cache."""
        digest = self._digest(credentials)
        if compare_digest(self._correct.get(credentials.user, b""), digest):
            return True
        return False if digest in self._wrong else None

    def add(self, credentials: Credentials, *, correct: bool) -> None:
        """Add a checked password. If there are too many wrong ones, the oldest is removed."""
        digest = self._digest(credentials)
        if correct:
            self._correct[credentials.user] = digest
            return
        self._wrong[digest] = None
        while len(self._wrong) > self.size:
            self._wrong.popitem(last=False)

    def __len__(self) -> int:
        return len(self._correct) + len(self._wrong)

    def _digest(self, credentials: Credentials) -> bytes:
        pair = f"{credentials.user}\0{credentials.password}"
        return blake2b(pair.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()


@define(eq=False)
class _Verification:
    """Credentials in a queue, with the Deferred of their answer."""

    credentials: Credentials
    queue: Hashable
    answer: Deferred[Answer]


@implementer(IAuthority)
class IsymphonyAuthority(Service):
    """Answers the question `Credentials`.

    Args:
        settings: the section `dialects.isymphony`.
        reactor: runs the callbacks of the threads.
    """

    _log = Logger()

    def __init__(self, settings: IsymphonySettings, reactor: Any) -> None:
        self._reactor = reactor
        self._identities = {name: _identity(name, user) for name, user in settings.users.items()}
        self._hashes = {name: parse(user.password_hash) for name, user in settings.users.items()}
        self._unknown_user = _random_hash(next(iter(self._hashes.values())))
        self._cache = VerifiedPasswords()
        self._queues: FairQueue[_Verification] = FairQueue(QUEUED_PER_USER, QUEUED)
        self._busy = 0
        self._pool: ThreadPool  # exists while the service runs; a stopped pool cannot start again

    @classmethod
    def create(cls, settings: IsymphonySettings, reactor: Any) -> IsymphonyAuthority:
        """Return the authority for the accounts of a section."""
        return cls(settings, reactor)

    def startService(self) -> None:
        """Create the thread pool; threads start on demand."""
        super().startService()
        self._pool = ThreadPool(0, THREADS, "isymphony passwords")
        self._pool.start()

    def stopService(self) -> None:
        """Answer queued questions with Unavailable, and wait for running hashes."""
        super().stopService()
        while (verification := self._queues.next()) is not None:
            verification.answer.callback(Unavailable("stopping"))
        self._pool.stop()

    def revise(self, identity: Identity) -> Answer:
        """Return the identity unchanged: accounts do not change without a restart."""
        return identity

    def watch(self, changed: Callable[[], None]) -> None:
        """Do nothing: identities do not change."""

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer from the cache, or after a thread has checked the password."""
        if not self.running or not isinstance(question, Credentials):
            return succeed(Unavailable("not running, or the question is not about credentials"))
        known = self._cache.get(question)
        if known is not None:
            return succeed(self._answer_of(question, correct=known))
        queue = question.address, question.user if question.user in self._hashes else None
        waiting: Deferred[Answer] = Deferred(lambda _: self._queues.leave(queue, verification))
        verification = _Verification(question, queue, waiting)
        displaced = self._queues.join(queue, verification)
        self._check_next()
        if displaced is not None:
            displaced.answer.callback(Unavailable("too many passwords are waiting to be checked"))
        return waiting

    def _answer_of(self, credentials: Credentials, *, correct: bool) -> Answer:
        return self._identities[credentials.user] if correct else _DENIED

    def _check_next(self) -> None:
        """Check the next passwords, as long as threads are free."""
        while self._busy < THREADS and (verification := self._queues.next()) is not None:
            credentials = verification.credentials
            known = self._cache.get(credentials)  # it may have been checked since it was queued
            if known is not None:
                verification.answer.callback(self._answer_of(credentials, correct=known))
                continue
            self._busy += 1
            expected = self._hashes.get(credentials.user, self._unknown_user)
            checked = deferToThreadPool(self._reactor, self._pool, matches, credentials.password, expected)
            answered: Deferred[Answer] = checked.addCallback(self._checked, credentials)
            answered.addErrback(self._failed).addCallback(self._answer, verification)

    def _checked(self, correct: bool, credentials: Credentials) -> Answer:
        correct = correct and credentials.user in self._hashes
        self._cache.add(credentials, correct=correct)
        return self._answer_of(credentials, correct=correct)

    def _failed(self, failure: Failure) -> Answer:
        self._log.error(
            "a password could not be checked: {safe_location}", safe_location=safe_location(failure)
        )
        return Unavailable("the password could not be checked")

    def _answer(self, answer: Answer, verification: _Verification) -> None:
        self._busy -= 1
        if self.running:
            self._check_next()
        if not verification.answer.called:  # not cancelled by the client meanwhile
            verification.answer.callback(answer)


def _identity(name: str, account: Account) -> Identity:
    """Return the identity of an account. The tenant of one that sees all tenants is "-", for the log only."""
    return Identity(
        subject=name,
        tenant=account.tenant_uuid or "-",
        acl=tuple(account.acl),
        reach="all" if account.tenant_uuid is None else "tenant",
    )


def _random_hash(example: ScryptHash) -> ScryptHash:
    """Return a hash that no password has and that takes equally long to check.

    It is used for unknown users, so that the duration of an answer does not reveal which users exist.
    """
    return evolve(example, salt=token_bytes(len(example.salt)), digest=token_bytes(len(example.digest)))
