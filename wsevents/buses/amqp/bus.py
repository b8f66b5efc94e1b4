"""The AMQP bus as a service: a consuming connection that always reconnects, and one for publishing."""

from __future__ import annotations

from itertools import cycle
from random import Random, SystemRandom
from time import time
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from wsevents.api.errors import BusError
from wsevents.api.interfaces import IBus
from wsevents.buses.amqp.client import AmqpLogin
from wsevents.buses.amqp.consumer import Consumer
from wsevents.buses.amqp.dialer import BrokerAddress, Dialer, broker_addresses
from wsevents.buses.amqp.publisher import Publisher
from wsevents.buses.amqp.reasons import explain
from wsevents.buses.amqp.settings import AmqpSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wsevents.api.events import Binding, Delivery, Exchange
    from wsevents.api.interfaces import IBusListener

LONGEST_DELAY = 32.0

_STOPPED = "the bus is stopped"
_GAP = (
    "more than bus.queue_bytes ({}) waited in RabbitMQ, because the gateway stalled or is too slow; the "
    "oldest events were dropped, the rest discarded (check the gateway's CPU load, or raise the limit)"
)


def delays(entropy: Random) -> Iterator[float]:
    """Yield the seconds to wait before each attempt: 1, 2, 4 … 32, minus a random part of up to a quarter.

    This jitter spreads the attempts of gateways that lost the same broker.
    """
    delay = 1.0
    while True:
        yield delay * entropy.uniform(0.75, 1.0)
        delay = min(2 * delay, LONGEST_DELAY)


@implementer(IBus)
class AmqpBus(Service):
    """The bus on RabbitMQ or another AMQP 0-9-1 broker.

    Args:
        settings: the `bus:` section.
        reactor: IReactorTime and IReactorTCP.
        now: wall time, for `Delivery.received`.
        entropy: random numbers for jitter and the name of the queue.
    """

    settings = AmqpSettings
    private = False
    _log = Logger()

    def __init__(
        self,
        settings: AmqpSettings,
        reactor: Any,
        now: Callable[[], float] = time,
        entropy: Random | None = None,
    ) -> None:
        login = AmqpLogin(settings.vhost, settings.username, settings.password, settings.heartbeat)
        self.up = False
        self._prefetch, self._queue_bytes = settings.prefetch, settings.queue_bytes
        self._reactor = reactor
        self._entropy = entropy or SystemRandom()
        self._dialer = Dialer(broker_addresses(settings.endpoints, reactor), login, reactor, now)
        self._publisher = Publisher(self._dialer)
        self._listener: IBusListener
        self._exchanges: list[Exchange] = []
        self._always: list[Binding] = []
        self._wanted: dict[Binding, list[Deferred[None]]] = {}
        self._consumer: Consumer | None = None
        self._task: Deferred[None] | None = None
        self._stopped = False
        self._delays = delays(self._entropy)

    @classmethod
    def create(cls, settings: AmqpSettings, reactor: Any) -> AmqpBus:
        return cls(settings, reactor)

    # -- IBus -------------------------------------------------------------------------------------

    def attach(
        self, listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> None:
        self._listener = listener
        self._exchanges = list(exchanges)
        self._always = list(bindings)

    def bind(self, binding: Binding) -> Deferred[None]:
        """Add a binding. Fires when it is live; while the bus is down, when it is up again.

        Fails with BusError if the broker rejects it, or if the bus is stopped.
        """
        if self._stopped:
            return fail(BusError(_STOPPED))
        waiter: Deferred[None] = Deferred()
        self._wanted.setdefault(binding, []).append(waiter)
        if self._consumer is not None:
            self._own(self._bind(self._consumer, binding))
        return waiter

    def unbind(self, binding: Binding) -> Deferred[None]:
        """Remove a binding. Fires when it is removed; at once if the bus is down."""
        for waiter in self._wanted.pop(binding, ()):
            waiter.errback(BusError("unbound before it was live"))
        if self._consumer is None or binding in self._always:
            return succeed(None)
        return Deferred.fromCoroutine(self._unbind(self._consumer, binding))

    def publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> Deferred[None]:
        """Publish. Fires when the broker has confirmed the message; fails with BusError."""
        return Deferred.fromCoroutine(self._publish(exchange, key, headers, body))

    # -- IService ---------------------------------------------------------------------------------

    def startService(self) -> None:
        """Start to connect."""
        super().startService()
        self._stopped = False
        self._task = Deferred.fromCoroutine(self._reconnect_until_cancelled())
        self._task.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def stopService(self) -> Deferred[None]:
        """Stop; no further deliveries. Fires when every connection is closed."""
        super().stopService()
        self._stopped = True
        self._fail_waiters(BusError(_STOPPED))
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await task
        self._publisher.stop()
        await self._dialer.all_closed()

    async def _publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> None:
        if self._stopped:
            raise BusError(_STOPPED)
        await self._publisher.publish(exchange, key, headers, body)

    # -- the consuming connection -----------------------------------------------------------------

    async def _reconnect_until_cancelled(self) -> None:
        """Connect to the brokers in rotation, with a delay after each lost connection or failed attempt."""
        for address in cycle(self._dialer.broker_addresses):
            why = await self._attempt(address)
            delay = next(self._delays)
            self._log.warn("the bus is down: {why}; retrying in {delay:.1f} s", why=why, delay=delay)
            await deferLater(self._reactor, delay)

    async def _attempt(self, address: BrokerAddress) -> str:
        """Run one connection, and return why it ended or failed."""
        try:
            return await self._run_connection(address)
        except BusError as error:
            why = str(error)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 after a bug the bus must reconnect too
            self._log.failure("the bus failed")
            why = explain(error)
        self._notify(self._listener.bus_failed, why)
        return why

    async def _run_connection(self, address: BrokerAddress) -> str:
        """Connect, consume until the connection ends, and return why. Raises BusError if it fails before."""
        client = await self._dialer.dial(address)
        try:
            consumer = Consumer(client, f"wsevents.{self._entropy.getrandbits(64):016x}", self._queue_bytes)
            try:
                await self._prepare(consumer)
            except BusError as error:
                raise BusError(f"{address.text}: {error}") from None
            self._go_up(address, consumer)
            await client.ended.wait()
            why = f"{address.text}: {explain(client.why)}"
            self._go_down(why)
        finally:
            self.up = False
            self._consumer = None
            client.shutdown()
        return why

    async def _prepare(self, consumer: Consumer) -> None:
        """Declare the exchanges and queues, bind, and consume. Raises BusError."""
        await consumer.declare(self._exchanges)
        for binding in self._always:
            await consumer.bind(binding)
        self._consumer = consumer  # from here on `bind` sends new bindings itself
        for binding in list(self._wanted):
            await self._bind(consumer, binding)
        await consumer.consume(self._deliver, self._lost, self._prefetch)
        if consumer.client.why is not None:
            raise BusError(explain(consumer.client.why))

    def _go_up(self, address: BrokerAddress, consumer: Consumer) -> None:
        self.up = True
        self._delays = delays(self._entropy)
        text = "connected to the broker at {address}, queue {queue}"
        self._log.info(text, address=address.text, queue=consumer.queue, over=True)
        self._notify(self._listener.bus_back)
        for binding in [wanted for wanted in self._wanted if wanted in consumer.bound]:
            self._fire_waiters(binding)

    def _go_down(self, why: str) -> None:
        self.up = False
        self._consumer = None
        self._notify(self._listener.bus_lost, why)

    def _deliver(self, delivery: Delivery) -> None:
        self._notify(self._listener.delivered, delivery)

    def _lost(self) -> None:
        """Report dropped events. Before the bus is up, no session could have received them."""
        if self.up:
            self._notify(self._listener.events_lost, _GAP.format(self._queue_bytes))

    def _notify(self, call: Callable[..., None], *args: Any) -> None:
        """Call a method of the listener; log its exception, because the bus must go on."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 see above
            self._log.failure("a bus listener failed")

    # -- bindings on demand -----------------------------------------------------------------------

    async def _bind(self, consumer: Consumer, binding: Binding) -> None:
        """Bind the queue, and fire the waiters of the binding.

        If the broker rejects a new binding, its waiters fail and it is removed. A rejected binding that was
        live before is tried again at the next reconnection.
        """
        try:
            await consumer.bind(binding)
        except BusError as error:
            if consumer.client.why is None:
                self._rejected(binding, error)
        else:
            if self.up:
                self._fire_waiters(binding)

    async def _unbind(self, consumer: Consumer, binding: Binding) -> None:
        try:
            await consumer.unbind(binding)
        except BusError as error:  # the connection is lost, or the exchange was deleted
            self._log.debug("cannot remove a binding: {why}", why=str(error))

    def _fire_waiters(self, binding: Binding) -> None:
        waiters = self._wanted.get(binding, [])
        while waiters:
            waiters.pop(0).callback(None)

    def _rejected(self, binding: Binding, error: BusError) -> None:
        if not self._wanted.get(binding):
            self._log.warn("cannot restore a binding: {why}", why=str(error))
            return
        for waiter in self._wanted.pop(binding):
            waiter.errback(error)

    def _fail_waiters(self, error: BusError) -> None:
        wanted, self._wanted = self._wanted, {}
        for waiters in wanted.values():
            for waiter in waiters:
                waiter.errback(error)

    def _own(self, coroutine: Any) -> None:
        """Run a coroutine without a caller; log its exception."""
        Deferred.fromCoroutine(coroutine).addErrback(
            lambda failure: self._log.failure("the bus failed", failure)
        )
