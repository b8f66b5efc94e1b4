"""The gateway's queues on a consuming connection: declaration, bindings, deliveries and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.logger import Logger
from txamqp.client import Closed

from wsevents.api.errors import BusError
from wsevents.buses.amqp.client import GAPS, MAIN, AmqpChannel, AmqpClient
from wsevents.buses.amqp.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.api.events import Binding, Delivery, Exchange

LEAST_BYTES = 256
"""Bytes that an event counts at least. RabbitMQ counts only the body, so an empty body would count 0."""

_log = Logger()


def bounds(queue_bytes: int, gaps: str) -> dict[str, Any]:
    """Return the arguments of a bounded queue that sends dropped messages to the queue `gaps`.

    The queue is lazy, as every queue since RabbitMQ 3.12: waiting messages are on disk. In memory they would
    need many times their size, and a broker short of memory blocks all publishers.
    """
    return {
        "x-max-length-bytes": queue_bytes,
        "x-max-length": queue_bytes // LEAST_BYTES,
        "x-overflow": "drop-head",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": gaps,
        "x-queue-mode": "lazy",
    }


@define(eq=False)
class Consumer:
    """An exclusive, bounded queue; the broker deletes it with the connection.

    RabbitMQ moves messages that it drops from this queue to a second queue, `gaps`, of one message. A message
    there means that events are missing. docs/decisions/0009-gaps.md has the reasons.

    Calls with arguments that the broker may reject use a second channel. The broker closes the channel of
    a rejected call; deliveries on the main channel continue.

    Attributes:
        client: the connection.
        queue: unique name of the queue; the queue of the previous connection may still exist.
        queue_bytes: limit of the queue in bytes.
        bound: bindings of the queue.
    """

    client: AmqpClient
    queue: str
    queue_bytes: int
    bound: set[Binding] = field(init=False, factory=set)
    _lock: DeferredLock = field(init=False, factory=DeferredLock)
    _control: AmqpChannel | None = field(init=False, default=None)
    _last_channel: int = field(init=False, default=MAIN)
    _tag: int = field(init=False, default=0)

    @property
    def gaps(self) -> str:
        """Name of the queue for dropped messages."""
        return f"{self.queue}.gaps"

    async def declare(self, exchanges: list[Exchange]) -> None:
        """Declare the exchanges and the queues. Raises BusError."""
        for exchange in exchanges:
            await self._call(
                "exchange_declare",
                f"exchange {exchange.name!r}",
                exchange=exchange.name,
                type=exchange.type,
                durable=exchange.durable,
                auto_delete=exchange.auto_delete,
            )
        await self._declare_queue(self.gaps, {"x-max-length": 1, "x-overflow": "drop-head"})
        await self._declare_queue(self.queue, bounds(self.queue_bytes, self.gaps))

    async def bind(self, binding: Binding) -> None:
        """Bind the queue. Raises BusError."""
        await self._call("queue_bind", f"{binding}", **self._arguments(binding))
        self.bound.add(binding)

    async def unbind(self, binding: Binding) -> None:
        """Remove a binding of the queue. Raises BusError."""
        await self._call("queue_unbind", f"{binding}", **self._arguments(binding))
        self.bound.discard(binding)

    async def consume(
        self, deliver: Callable[[Delivery], None], lost: Callable[[], None], prefetch: int
    ) -> None:
        """Start to consume. Raises BusError.

        Args:
            deliver: called with each delivery.
            lost: called after RabbitMQ dropped events and the gateway discarded all events that still waited.
                Later deliveries were published after all of these.
            prefetch: unacknowledged deliveries, at most.
        """
        channel = await self.client.channel(MAIN)
        self.client.on_delivery = deliver
        self.client.on_gap = lambda: self._own(self._discard_waiting(channel, lost))
        self.client.select_consumer(str(self._tag))  # no consumer has tag 0
        try:
            await channel.channel_open()
            await channel.basic_qos(
                prefetch_count=1
            )  # RabbitMQ applies it to each later consumer of the channel
            await channel.basic_consume(queue=self.gaps, consumer_tag=GAPS)
            await channel.basic_qos(prefetch_count=prefetch)
            await self._consume_with_new_tag(channel)
        except Closed as closed:
            raise BusError(explain(self.client.why or closed)) from None

    def _consume_with_new_tag(self, channel: AmqpChannel) -> Deferred[Any]:
        """Consume with a new tag, so that late deliveries with the previous tag are dropped."""
        self._tag += 1
        self.client.select_consumer(str(self._tag))
        call: Deferred[Any] = channel.basic_consume(queue=self.queue, consumer_tag=str(self._tag))
        return call

    async def _discard_waiting(self, channel: AmqpChannel, lost: Callable[[], None]) -> None:
        """Discard all waiting and unacknowledged events, then call `lost`.

        All calls are written at once, on the channel of the acknowledgement that follows them. So no gap
        is delivered twice. Deliveries with the new tag were published after the queue was purged.
        """
        if not self._tag:
            return  # before the first consume, no session could have received the dropped events
        calls: list[Deferred[Any]] = [
            channel.basic_cancel(consumer_tag=str(self._tag)),
            channel.queue_purge(queue=self.queue),
            channel.queue_purge(queue=self.gaps),
            self._consume_with_new_tag(channel),
        ]
        await DeferredList(calls, consumeErrors=True)
        if self.client.why is None:  # otherwise the loss of the bus is reported
            lost()

    def _own(self, coroutine: Any) -> None:
        """Run a coroutine without a caller; log its exception."""
        Deferred.fromCoroutine(coroutine).addErrback(lambda failure: _log.failure("the bus failed", failure))

    async def _declare_queue(self, name: str, arguments: dict[str, Any]) -> None:
        await self._call(
            "queue_declare",
            f"queue {name!r}",
            queue=name,
            exclusive=True,
            arguments=arguments,
        )

    def _arguments(self, binding: Binding) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "exchange": binding.exchange,
            "routing_key": binding.key,
            "arguments": dict(binding.arguments),
        }

    async def _call(self, name: str, what: str, **arguments: Any) -> None:
        """Call a method on the second channel. A lock lets each error be matched with its call."""
        await self._lock.acquire()
        try:
            channel = await self._channel()
            call: Deferred[Any] = getattr(channel, name)(**arguments)
            await call
        except Closed as closed:
            raise BusError(f"{what}: {explain(self.client.why or closed)}") from None
        except ValueError as error:
            raise BusError(f"{what}: {error}") from None
        finally:
            self._lock.release()

    async def _channel(self) -> AmqpChannel:
        if self._control is None or self._control.closed:
            self._last_channel += 1  # a closed channel id is not reused
            self._control = await self.client.channel(self._last_channel)
            await self._control.channel_open()
        return self._control
