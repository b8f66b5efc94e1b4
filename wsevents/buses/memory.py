"""A bus within the process: for trying things out, and for tests, which can make it go down."""

from __future__ import annotations

from collections import deque
from time import time
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.errors import BusError
from wsevents.api.events import Delivery
from wsevents.api.interfaces import IBus
from wsevents.api.settings import Bus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wsevents.api.events import Binding, Exchange
    from wsevents.api.interfaces import IBusListener


_STOPPED = "the bus is stopped"


@frozen(kw_only=True)
class MemorySettings(Bus):
    """There is nothing more to say about a bus in memory."""


def matches(kind: str, binding: Binding, key: str, headers: Mapping[str, Any]) -> bool:
    """Whether a message of this key and these headers takes this binding of an exchange of this kind.

    AMQP 0-9-1 section 3.1.3, and RabbitMQ where that is silent: without x-match, all arguments must
    be there, and none of them is fine; values are equal only if their types are.
    """
    if kind == "headers":
        return _headers_match(dict(binding.arguments), headers)
    if kind == "topic":
        return _topic_matches(binding.key.split("."), key.split("."))
    return kind == "fanout" or binding.key == key


def _headers_match(arguments: dict[str, Any], headers: Mapping[str, Any]) -> bool:
    results = [
        name in headers and type(headers[name]) is type(value) and headers[name] == value
        for name, value in arguments.items()
        if not name.startswith("x-")
    ]
    return any(results) if arguments.get("x-match") == "any" else all(results)


def _topic_matches(pattern: list[str], words: list[str]) -> bool:
    """Whether the words match; `*` is one word, `#` any number of them."""
    reached = {0}  # how many words the parts so far may take
    for part in pattern:
        if part == "#":
            reached = set(range(min(reached), len(words) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(words) and part in ("*", words[at])}
    return len(words) in reached


@implementer(IBus)
class MemoryBus(Service):
    """Exchanges, bindings and deliveries as RabbitMQ has them, but in this process.

    Args:
        settings: the `bus:` section.
        reactor: its next turn is when things happen, never within a call.
        now: wall time, for `Delivery.received`.
    """

    settings = MemorySettings
    private = True
    _log = Logger()

    def __init__(self, settings: MemorySettings, reactor: Any, now: Callable[[], float] = time) -> None:
        self.up = False
        self._reactor = reactor
        self._now = now
        self._why_down: str | None = None
        self._listener: IBusListener
        self._exchanges: dict[str, str] = {}
        self._always: list[Binding] = []
        self._wanted: dict[Binding, list[Deferred[None]]] = {}
        self._pending: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._turn: Any = None
        self._stopped = False

    @classmethod
    def create(cls, settings: MemorySettings, reactor: Any) -> MemoryBus:
        """Make one."""
        return cls(settings, reactor)

    # -- IBus -------------------------------------------------------------------------------------

    def attach(
        self, listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> None:
        """Say who listens and what is always needed; once, before startService."""
        self._listener = listener
        self._exchanges = {one.name: one.type for one in exchanges}
        self._always = list(bindings)

    def bind(self, binding: Binding) -> Deferred[None]:
        """Fire when the binding is live; while the bus is down, that is when it is back."""
        if self._stopped:
            return fail(BusError(_STOPPED))
        if binding.exchange not in self._exchanges:
            return fail(BusError(f"there is no exchange {binding.exchange!r}"))
        waiters = self._wanted.setdefault(binding, [])
        if self.up:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        waiters.append(waiter)
        return waiter

    def unbind(self, binding: Binding) -> Deferred[None]:
        """Forget the binding."""
        for waiter in self._wanted.pop(binding, ()):
            waiter.errback(BusError("unbound before it was live"))
        return succeed(None)

    def publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> Deferred[None]:
        """Deliver on the next turn, to the one queue there is, if a binding matches."""
        if not self.up:
            return fail(BusError(f"not published: {self._why_down or _STOPPED}"))
        kind = self._exchanges.get(exchange)
        if kind is None:
            return fail(BusError(f"not published: there is no exchange {exchange!r}"))
        bindings = [one for one in (*self._always, *self._wanted) if one.exchange == exchange]
        if any(matches(kind, one, key, headers) for one in bindings):
            delivery = Delivery(body, dict(headers), exchange, key, self._now())
            self._soon(self._listener.delivered, delivery)
        return succeed(None)

    # -- IService ---------------------------------------------------------------------------------

    def startService(self) -> None:
        """Be up on the next turn."""
        super().startService()
        self._stopped = False
        self._soon(self._come_up)

    def stopService(self) -> None:
        """Deliver nothing more."""
        super().stopService()
        self._stopped = True
        self.up = False
        self._pending.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        wanted, self._wanted = self._wanted, {}
        for waiters in wanted.values():
            for waiter in waiters:
                waiter.errback(BusError(_STOPPED))

    # -- for tests --------------------------------------------------------------------------------

    def drop(self, why: str) -> None:
        """Go down, as if the broker had; what was published and not delivered is lost."""
        self._why_down = why
        self._pending.clear()
        if self.up:
            self.up = False
            self._tell(self._listener.bus_lost, why)

    def restore(self) -> None:
        """Come back on the next turn."""
        self._why_down = None
        if self.running:
            self._soon(self._come_up)

    # -- on the next turn -------------------------------------------------------------------------

    def _soon(self, call: Callable[..., None], *args: Any) -> None:
        self._pending.append((call, args))
        if self._turn is None:
            self._turn = self._reactor.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        """Do what is pending now; what comes of it is for the turn after."""
        self._turn = None
        for _ in range(len(self._pending)):
            if not self._pending:  # a call has stopped or dropped the bus
                return
            call, args = self._pending.popleft()
            self._tell(call, *args)

    def _come_up(self) -> None:
        if self.up or self._why_down is not None or not self.running:
            return
        self.up = True
        self._tell(self._listener.bus_back)
        for waiters in self._wanted.values():
            while waiters:
                waiters.pop(0).callback(None)

    def _tell(self, call: Callable[..., None], *args: Any) -> None:
        """A listener's mistake is logged and is not the bus's."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 whatever it is
            self._log.failure("The bus's listener made a mistake.")
