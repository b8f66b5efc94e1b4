"""What stands between the sessions and any authenticator: equal questions are put once.

Rule 1: while a question is on its way, whoever asks the same waits for the same answer.
Rule 2: only while the bus is down are identities remembered, for some seconds, so that thousands of
peers who come back again and again do not each cost a look-up; their sessions end with 1011
anyway, so that nobody gains by an answer that is a little old.
Rule 3: an authenticator that fails, against its promise, has given an answer too: Unavailable.
Rule 4: a question that nobody waits for any more is withdrawn, so that peers who come and go at once
cannot fill the queue of those who stay.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.identity import Identity, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthority
from wsevents.auth.token_digest import TokenDigest
from wsevents.core.histogram import Histogram
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from twisted.python.failure import Failure

    from wsevents.api.identity import Answer


_WITHDRAWN = "the question was withdrawn"


@frozen
class _Memory:
    """Identities of tokens, by the token's fingerprint, with the time that each was asked for."""

    size: int
    seconds: float
    digest: TokenDigest = field(factory=TokenDigest)
    entries: OrderedDict[bytes, tuple[float, Identity]] = field(factory=OrderedDict, repr=False)

    def keep(self, token: str, identity: Identity, now: float) -> None:
        """Remember an identity; the oldest make room."""
        key = self.digest.of(token)
        self.entries.pop(key, None)
        self.entries[key] = now, identity
        while len(self.entries) > self.size:
            self.entries.popitem(last=False)

    def recall(self, token: str, now: float) -> Identity | None:
        """Return the identity if it is known, young enough, and its token has not expired."""
        entry = self.entries.get(self.digest.of(token))
        if entry is None:
            return None
        since, identity = entry
        ended = identity.expires is not None and identity.expires <= now
        return None if ended or not 0 <= now - since < self.seconds else identity


@define(eq=False)
class _Asked:
    """A question under way: who waits for the answer, in order, and what the authenticator is at."""

    askers: OrderedDict[Deferred[Answer], None] = field(factory=OrderedDict)
    answered: Deferred[Any] | None = None


@implementer(IAuthority)
class LookupCache(MultiService):
    """An authority that shares and, while the bus is down, remembers the answers of an authenticator.

    It starts and stops the authenticator. `bus_lost` and `bus_back` are for the one who listens to the bus.

    Attributes:
        called: what the authenticator is called, for people.
        answers: what it has said, by kind such as "identity" or "denied"; withdrawn questions have no answer.
        latency: how long that took.
        trouble: why its last answer was none; None: it was one.
    """

    _log = Logger()

    def __init__(
        self,
        authenticator: Any,
        remembered: int = 20000,
        seconds: float = 10.0,
        *,
        called: str = "authenticator",
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """Wrap an authenticator.

        Args:
            authenticator: whom to ask; it becomes a child of this service.
            called: as above.
            elapsed: the time that answers are measured in.
            remembered: identities to remember at most while the bus is down.
            seconds: how long each is remembered.
        """
        super().__init__()
        self.called, self.latency = called, Histogram()
        self.answers: Counter[str] = Counter()
        self.trouble: str | None = None
        self._elapsed = elapsed
        self._authenticator = authenticator
        IService(authenticator).setServiceParent(self)
        self._memory = _Memory(remembered, seconds)
        self._lenient = False
        self._waiting: dict[Hashable, _Asked] = {}

    def bus_lost(self) -> None:
        """From now on remember identities for some seconds. Said again, it changes nothing."""
        self._lenient = True

    def bus_back(self) -> None:
        """From now on ask for every token; what was remembered is forgotten."""
        self._lenient = False
        self._memory.entries.clear()

    def answer(self, question: Hashable, now: float) -> Deferred[Answer]:
        """Answer as the authenticator does, or with what it is just being asked or said a moment ago.

        Cancelled, it fires with Unavailable at once.
        """
        known = self._recall(question, now)
        if known is not None:
            return succeed(known)
        asked = self._waiting.get(question)
        new = asked is None
        if asked is None:
            asked = self._waiting[question] = _Asked()
        asker: Deferred[Answer] = Deferred(lambda asker: self._withdraw(asker, question, asked))
        asked.askers[asker] = None
        if new:
            began = self._elapsed()
            answered = maybeDeferred(self._authenticator.answer, question, now)
            asked.answered = answered.addErrback(self._blame, asked)
            answered.addCallback(self._measure, asked, began)
            answered.addCallback(self._tell, question, asked, now)
        return asker

    def revise(self, identity: Identity) -> Answer:
        """Say what the authenticator says."""
        answer: Answer = self._authenticator.revise(identity)
        return answer

    def watch(self, changed: Callable[[], None]) -> None:
        """Watch the authenticator."""
        self._authenticator.watch(changed)

    def _recall(self, question: Hashable, now: float) -> Answer | None:
        if not self._lenient or not isinstance(question, WhoIs) or not self.running:
            return None
        identity = self._memory.recall(question.token, now)
        return None if identity is None else self.revise(identity)

    def _withdraw(self, asker: Deferred[Answer], question: Hashable, asked: _Asked) -> None:
        """Let one who gives up go; after the last, give up the question too."""
        del asked.askers[asker]
        if not asked.askers and self._waiting.get(question) is asked:
            del self._waiting[question]
            if asked.answered is not None:
                asked.answered.cancel()
        asker.callback(Unavailable(_WITHDRAWN))

    def _measure(self, answer: Answer, asked: _Asked, began: float) -> Answer:
        """Count an answer that somebody waits for."""
        if asked.askers:
            self.latency.observe(self._elapsed() - began)
            self.answers[type(answer).__name__.lower()] += 1
            self.trouble = answer.why if isinstance(answer, Unavailable) else None
        return answer

    def _tell(self, answer: Answer, question: Hashable, asked: _Asked, now: float) -> None:
        if self._waiting.get(question) is asked:
            del self._waiting[question]
        if self._lenient and isinstance(question, WhoIs) and isinstance(answer, Identity):
            self._memory.keep(question.token, answer, now)
        while asked.askers:  # one who is told may cancel another
            asker, _ = asked.askers.popitem(last=False)
            asker.callback(answer)

    def _blame(self, failure: Failure, asked: _Asked) -> Answer:
        """Report a failure, unless it came of withdrawing the question."""
        if not asked.askers:
            return Unavailable(_WITHDRAWN)
        self._log.error(
            "The authenticator failed where it must answer: {safe_location}",
            safe_location=safe_location(failure),
        )
        return Unavailable("the authenticator failed")
