"""Runs one session: tells it what happened, and does what it answers. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.blame import blame
from wsevents.bucket import Bucket
from wsevents.conversation import Conversation
from wsevents.framing import text_frames
from wsevents.messages import Ask, Hangup, Listen, Refuse, Say, Unavailable, Wake, Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.internet.defer import Deferred

    from wsevents.closing import Closing
    from wsevents.conversation import Fact
    from wsevents.house import House, Mount
    from wsevents.interfaces import ISession
    from wsevents.messages import Answer, Effect, Identity
    from wsevents.outbound import Outbound

_RATE = "rate"
_log = Logger()


class Connection(Protocol):
    """The peer's end, as a runner needs it.

    Attributes:
        outbound: takes events.
    """

    outbound: Outbound

    def refuse(self, refusal: Refuse) -> None:
        """Answer the request with an HTTP error."""

    def welcome(self, headers: Mapping[str, str]) -> None:
        """Answer the request with an upgrade."""

    def reply(self, frames: bytes) -> None:
        """Queue wire bytes."""

    def hang_up(self, closing: Closing, why: str = "") -> None:
        """End the session; calls `Runner.leave`."""

    def fail(self) -> None:
        """End what failed on our side."""

    def read(self, *, wanted: bool) -> None:
        """Read from the peer, or do not."""


class Runner:
    """One session with all that it has set going.

    Attributes:
        mount: its dialect and authority.
    """

    def __init__(self, house: House, mount: Mount, session: ISession, connection: Connection) -> None:
        self.mount = mount
        self._house = house
        self._session = session
        self._connection = connection
        self._conversation = Conversation()
        self._bucket = Bucket(house.limits.messages_per_second)
        self._questions: dict[int, Deferred[Any]] = {}
        self._wakes: set[str] = set()
        self._working = False

    @property
    def identity(self) -> Identity | None:
        """Who the peer is, once that is known."""
        return self._session.identity

    @property
    def asks(self) -> bool:
        """Whether the authority has still to answer a question."""
        return bool(self._questions)

    # -- what happens -------------------------------------------------------------------------

    def tell(self, fact: Fact) -> None:
        """Tell the session a fact, after those that it was told before."""
        self._conversation.tell(fact)
        self._work()

    def receive(self, message: str | bytes) -> None:
        """Pass on a message of the peer: text, or binary as bytes."""
        self._conversation.receive(message)
        self._work()

    def charge(self) -> None:
        """Count a message; a peer that sends too many is not heard for a while."""
        keepalive = self._house.keepalive
        wait = self._bucket.take(keepalive.now())
        if wait > 0:
            self._conversation.hold(_RATE)
            keepalive.after(self._rested, _RATE, wait)
            self._steer()

    def leave(self) -> None:
        """Hear, ask, await and listen to nothing any more."""
        self._conversation.end()
        self._listen(Listen(frozenset()))
        for question in list(self._questions.values()):
            question.cancel()
        for name in self._wakes:
            self._house.expiry.clear(self._wake, name)
        self._wakes.clear()
        self._house.keepalive.clear(self._rested, _RATE)
        self._steer()

    def _rested(self, _: str) -> None:
        self._conversation.release(_RATE)
        self._work()

    def _wake(self, name: str) -> None:
        self._wakes.discard(name)
        self.tell(lambda session, now: session.rang(name, now))

    # -- one thing after the other ------------------------------------------------------------

    def _work(self) -> None:
        """Work through what waits; never nested, so that effects stay in order."""
        if self._working:
            return
        self._working = True
        try:
            while (effects := self._next()) is not None:
                for effect in effects:
                    if not self._conversation.over:
                        _ACTS[type(effect)](self, effect)
        except Exception:  # noqa: BLE001 whatever it is, it must cost this peer only
            _log.error("a session failed: {blame}", blame=blame(Failure()))
            self._connection.fail()
        finally:
            self._working = False
        self._steer()

    def _next(self) -> Sequence[Effect] | None:
        """Tell the session the next thing and return its effects, or None if nothing waits."""
        fact = self._conversation.next_fact()
        if fact is not None:
            return fact(self._session, self._house.now())
        message = self._conversation.next_message()
        if message is None:
            return None
        self.charge()
        return self._session.received(message, self._house.now())

    def _steer(self) -> None:
        self._connection.read(wanted=self._conversation.reads)

    # -- the session's effects ----------------------------------------------------------------

    def _refuse(self, effect: Refuse) -> None:
        self._connection.refuse(effect)

    def _let_in(self, effect: Welcome) -> None:
        self._connection.welcome(dict(effect.headers))

    def _ask(self, effect: Ask) -> None:
        if effect.hold:
            self._conversation.hold(effect.id)
        answer = self.mount.authority.answer(effect.question, self._house.now())
        self._questions[effect.id] = answer
        answer.addErrback(self._no_answer)
        answer.addCallback(self._answered, effect.id)

    def _no_answer(self, failure: Failure) -> Answer:
        if not failure.check(CancelledError):
            _log.error("an authority failed where it must answer: {blame}", blame=blame(failure))
        return Unavailable("the authority failed")

    def _answered(self, answer: Answer, number: int) -> None:
        self._questions.pop(number, None)
        self._conversation.release(number)
        self.tell(lambda session, now: session.answered(number, answer, now))

    def _listen(self, effect: Listen) -> None:
        changes = self._house.relay.listen(self.mount.dialect, self._connection.outbound, effect.interests)
        added, removed = changes.bindings
        if added or removed:
            self._house.upstream.change(added, removed).addCallback(self._live, effect.id)
        else:
            self._live(True, effect.id)

    def _live(self, live: bool, number: int | None) -> None:
        if number is not None:
            self.tell(lambda session, now: session.listening(number, live, now))

    def _say(self, effect: Say) -> None:
        self._connection.reply(text_frames(effect.text.encode("utf-8"), self.mount.dialect.wire.frame_max))

    def _set_wake(self, effect: Wake) -> None:
        if effect.at is None:
            self._wakes.discard(effect.name)
            self._house.expiry.clear(self._wake, effect.name)
        else:
            self._wakes.add(effect.name)
            self._house.expiry.set(self._wake, effect.name, effect.at)

    def _end(self, effect: Hangup) -> None:
        self._connection.hang_up(effect.closing, effect.why)


_ACTS: Mapping[type, Callable[[Runner, Any], None]] = {
    Refuse: Runner._refuse,  # noqa: SLF001 the class's own table
    Welcome: Runner._let_in,  # noqa: SLF001
    Ask: Runner._ask,  # noqa: SLF001
    Listen: Runner._listen,  # noqa: SLF001
    Say: Runner._say,  # noqa: SLF001
    Wake: Runner._set_wake,  # noqa: SLF001
    Hangup: Runner._end,  # noqa: SLF001
}
