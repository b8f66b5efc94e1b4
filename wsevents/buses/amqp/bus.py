"""The bus as a service: one consuming connection that comes back for ever, one for publishing."""

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
    "more than bus.queue_bytes ({}) waited in RabbitMQ, as the gateway stood still or is too slow; "
    "the oldest events were dropped, the rest discarded (look at its processor; a greater bound bridges more)"
)


def delays(entropy: Random) -> Iterator[float]:
    """Yield how many seconds to wait before each attempt: 1, 2, 4 … 32, less up to a quarter.

    The jitter keeps gateways that lost the same broker from coming back all at once.
    """
    delay = 1.0
    while True:
        yield delay * entropy.uniform(0.75, 1.0)
        delay = min(2 * delay, LONGEST_DELAY)


@implementer(IBus)
class AmqpBus(Service):
    """RabbitMQ, or another broker of AMQP 0-9-1, as a source of events.

    Args:
        settings: the `bus:` section.
        reactor: time and TCP.
        now: wall time, for `Delivery.received`.
        entropy: for jitter and the name of the queue.
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
        """Make one."""
        return cls(settings, reactor)

    # -- IBus -------------------------------------------------------------------------------------

    def attach(
        self, listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> None:
        """Say who listens and what is always needed; once, before startService."""
        self._listener = listener
        self._exchanges = list(exchanges)
        self._always = list(bindings)

    def bind(self, binding: Binding) -> Deferred[None]:
        """Fire when the binding is live; while the bus is down, that is when it is back.

        Fails with BusError if the broker refuses it, or the bus is stopped.
        """
        if self._stopped:
            return fail(BusError(_STOPPED))
        waiter: Deferred[None] = Deferred()
        self._wanted.setdefault(binding, []).append(waiter)
        if self._consumer is not None:
            self._own(self._make_live(self._consumer, binding))
        return waiter

    def unbind(self, binding: Binding) -> Deferred[None]:
        """Fire when the binding is gone, or the bus is down anyway."""
        for waiter in self._wanted.pop(binding, ()):
            waiter.errback(BusError("unbound before it was live"))
        if self._consumer is None or binding in self._always:
            return succeed(None)
        return Deferred.fromCoroutine(self._make_dead(self._consumer, binding))

    def publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> Deferred[None]:
        """Fire when the broker has confirmed it; fails with BusError."""
        return Deferred.fromCoroutine(self._publish(exchange, key, headers, body))

    # -- IService ---------------------------------------------------------------------------------

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._stopped = False
        self._task = Deferred.fromCoroutine(self._come_back_for_ever())
        self._task.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def stopService(self) -> Deferred[None]:
        """Deliver nothing more; fires when every connection is closed."""
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
        await self._dialer.gone()

    async def _publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> None:
        if self._stopped:
            raise BusError(_STOPPED)
        await self._publisher.publish(exchange, key, headers, body)

    # -- the consuming connection -----------------------------------------------------------------

    async def _come_back_for_ever(self) -> None:
        """One attempt after another, over the brokers in turn; ends only by being cancelled."""
        for address in cycle(self._dialer.broker_addresses):
            why = await self._attempt(address)
            delay = next(self._delays)
            self._log.warn("The bus is down: {why}. Trying again in {delay:.1f} s.", why=why, delay=delay)
            await deferLater(self._reactor, delay)

    async def _attempt(self, address: BrokerAddress) -> str:
        """Serve, and return why that ended, or did not begin."""
        try:
            return await self._serve(address)
        except BusError as mistake:
            why = str(mistake)
        except CancelledError:
            raise
        except Exception as mistake:  # noqa: BLE001 a mistake of ours must not keep the bus down
            self._log.failure("The bus made a mistake.")
            why = explain(mistake)
        self._tell(self._listener.bus_failed, why)
        return why

    async def _serve(self, address: BrokerAddress) -> str:
        """Connect, be up, and return why it ended; BusError if it did not come up."""
        client = await self._dialer.dial(address)
        try:
            consumer = Consumer(client, f"wsevents.{self._entropy.getrandbits(64):016x}", self._queue_bytes)
            try:
                await self._prepare(consumer)
            except BusError as mistake:
                raise BusError(f"{address.text}: {mistake}") from None
            self._come_up(address, consumer)
            await client.over.wait()
            why = f"{address.text}: {explain(client.why)}"
            self._go_down(why)
        finally:
            self.up = False
            self._consumer = None
            client.leave()
        return why

    async def _prepare(self, consumer: Consumer) -> None:
        """Declare and bind everything, then consume."""
        await consumer.declare(self._exchanges)
        for binding in self._always:
            await consumer.bind(binding)
        self._consumer = consumer  # what is bound meanwhile goes there at once
        for binding in list(self._wanted):
            await self._make_live(consumer, binding)
        await consumer.consume(self._deliver, self._lost, self._prefetch)
        if consumer.client.why is not None:
            raise BusError(explain(consumer.client.why))

    def _come_up(self, address: BrokerAddress, consumer: Consumer) -> None:
        self.up = True
        self._delays = delays(self._entropy)
        said = "The bus is up: {place}, queue {queue}."
        self._log.info(said, address=address.text, queue=consumer.queue, over=True)
        self._tell(self._listener.bus_back)
        for binding in [one for one in self._wanted if one in consumer.bound]:
            self._announce(binding)

    def _go_down(self, why: str) -> None:
        self.up = False
        self._consumer = None
        self._tell(self._listener.bus_lost, why)

    def _deliver(self, delivery: Delivery) -> None:
        self._tell(self._listener.delivered, delivery)

    def _lost(self) -> None:
        """The broker has dropped events; before the bus is up, nobody could have missed them."""
        if self.up:
            self._tell(self._listener.events_lost, _GAP.format(self._queue_bytes))

    def _tell(self, call: Callable[..., None], *args: Any) -> None:
        """A listener's mistake is logged and is not the bus's."""
        try:
            call(*args)
        except Exception:  # noqa: BLE001 whatever it is
            self._log.failure("The bus's listener made a mistake.")

    # -- bindings on demand -----------------------------------------------------------------------

    async def _make_live(self, consumer: Consumer, binding: Binding) -> None:
        """Bind upstream. What is refused is given up, unless it was live before: then at the next return."""
        try:
            await consumer.bind(binding)
        except BusError as mistake:
            if consumer.client.why is None:
                self._refused(binding, mistake)
        else:
            if self.up:
                self._announce(binding)

    async def _make_dead(self, consumer: Consumer, binding: Binding) -> None:
        try:
            await consumer.unbind(binding)
        except BusError as mistake:
            self._log.debug("Not unbound: {why}", why=str(mistake))  # the connection ended, or the exchange

    def _announce(self, binding: Binding) -> None:
        waiters = self._wanted.get(binding, [])
        while waiters:
            waiters.pop(0).callback(None)

    def _refused(self, binding: Binding, mistake: BusError) -> None:
        if not self._wanted.get(binding):
            self._log.warn("A binding could not be made again: {why}", why=str(mistake))
            return
        for waiter in self._wanted.pop(binding):
            waiter.errback(mistake)

    def _fail_waiters(self, mistake: BusError) -> None:
        wanted, self._wanted = self._wanted, {}
        for waiters in wanted.values():
            for waiter in waiters:
                waiter.errback(mistake)

    def _own(self, coroutine: Any) -> None:
        """Nobody waits for it; a mistake in it is logged."""
        Deferred.fromCoroutine(coroutine).addErrback(
            lambda failure: self._log.failure("The bus made a mistake.", failure)
        )
