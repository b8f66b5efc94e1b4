"""A bus inside the process, for demonstrations and tests. A test can interrupt it."""

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
    """`bus:` of type memory; it has no further keys."""


def matches(kind: str, binding: Binding, key: str, headers: Mapping[str, Any]) -> bool:
    """Return whether a binding of an exchange of type `kind` matches a message.

    The rules are those of AMQP 0-9-1, section 3.1.3. Where it says nothing, RabbitMQ's behaviour applies.
    Without x-match, all arguments must match, and an empty set of arguments matches. Equal values have the
    same type.
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
    """Return whether the words match; `*` matches one word, `#` any number of words."""
    reached = {0}  # how many words the parts so far can match
    for part in pattern:
        if part == "#":
            reached = set(range(min(reached), len(words) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(words) and part in ("*", words[at])}
    return len(words) in reached


@implementer(IBus)
class MemoryBus(Service):
    """A bus with the exchanges, bindings and deliveries of RabbitMQ, inside this process.

    Args:
        settings: the `bus:` section.
        reactor: IReactorTime. Listeners are called in a later turn of the reactor, never inside a call.
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
        return cls(settings, reactor)

    # -- IBus -------------------------------------------------------------------------------------

    def attach(
        self, listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> None:
        self._listener = listener
        self._exchanges = {exchange.name: exchange.type for exchange in exchanges}
        self._always = list(bindings)

    def bind(self, binding: Binding) -> Deferred[None]:
        """Add a binding. Fires when it is live; while the bus is down, when it is up again."""
        if self._stopped:
            return fail(BusError(_STOPPED))
        if binding.exchange not in self._exchanges:
            return fail(BusError(f"unknown exchange {binding.exchange!r}"))
        waiters = self._wanted.setdefault(binding, [])
        if self.up:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        waiters.append(waiter)
        return waiter

    def unbind(self, binding: Binding) -> Deferred[None]:
        """Remove the binding; pending `bind` calls for it fail."""
        for waiter in self._wanted.pop(binding, ()):
            waiter.errback(BusError("unbound before it was live"))
        return succeed(None)

    def publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> Deferred[None]:
        """Deliver the message to the listener in the next turn of the reactor, if a binding matches."""
        if not self.up:
            return fail(BusError(f"not published: {self._why_down or _STOPPED}"))
        kind = self._exchanges.get(exchange)
        if kind is None:
            return fail(BusError(f"not published: unknown exchange {exchange!r}"))
        bindings = [one for one in (*self._always, *self._wanted) if one.exchange == exchange]
        if any(matches(kind, one, key, headers) for one in bindings):
            delivery = Delivery(body, dict(headers), exchange, key, self._now())
            self._schedule(self._listener.delivered, delivery)
        return succeed(None)

    # -- IService ---------------------------------------------------------------------------------

    def startService(self) -> None:
        """Start; the bus is up in the next turn of the reactor."""
        super().startService()
        self._stopped = False
        self._schedule(self._go_up)

    def stopService(self) -> None:
        """Stop; the listener gets no further call, and pending `bind` calls fail."""
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
        """Interrupt the bus, like the loss of a broker. Undelivered messages are lost."""
        self._why_down = why
        self._pending.clear()
        if self.up:
            self.up = False
            self._notify(self._listener.bus_lost, why)

    def restore(self) -> None:
        """Restore the bus in the next turn of the reactor."""
        self._why_down = None
        if self.running:
            self._schedule(self._go_up)

    # -- in the next turn of the reactor ----------------------------------------------------------

    def _schedule(self, call: Callable[..., None], *args: Any) -> None:
        self._pending.append((call, args))
        if self._turn is None:
            self._turn = self._reactor.callLater(0, self._run_pending)

    def _run_pending(self) -> None:
        """Run the calls that are pending now. Calls that they schedule run in the turn after."""
        self._turn = None
        for _ in range(len(self._pending)):
            if not self._pending:  # a call has stopped or dropped the bus
                return
            call, args = self._pending.popleft()
            self._notify(call, *args)

    def _go_up(self) -> None:
        if self.up or self._why_down is not None or not self.running:
            return
        self.up = True
        self._notify(self._listener.bus_back)
        for waiters in self._wanted.values():
            while waiters:
                waiters.pop(0).callback(None)

    def _notify(self, call: Callable[..., None], *args: Any) -> None:
        """Call a method of the listener; log its exception, because the bus must go on."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 see above
            self._log.failure("a bus listener failed")
