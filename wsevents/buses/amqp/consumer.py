"""What is ours on a consuming connection: the queue, what is bound to it, and the flow of deliveries."""

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
"""What an event counts for at least: RabbitMQ counts bodies alone, and one without a body not at all."""

_log = Logger()


def bounds(queue_bytes: int, gaps: str) -> dict[str, Any]:
    """Return the arguments of a queue that keeps so much, and sends what it drops to the queue `gaps`.

    Lazy, which RabbitMQ 3.12 and later are anyway: what waits does so on disk. In memory it would take
    many times its size, and a broker short of memory stops all who publish.
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
    """A queue of our own, which ends with the connection.

    It is bounded. What RabbitMQ drops from it goes to a second queue, `gaps`, which keeps one message: there
    a message says that others are missing. docs/decisions/0009-gaps.md has the reasons.

    What may fail because of its arguments goes over a second channel, which the broker closes then:
    deliveries on the main one go on.

    Attributes:
        client: the connection.
        queue: name for the queue, unique, as the previous one may not be quite gone.
        queue_bytes: how much it keeps.
        bound: what is bound to it.
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
        """Name of the second queue."""
        return f"{self.queue}.gaps"

    async def declare(self, exchanges: list[Exchange]) -> None:
        """Declare the exchanges and the queues. Raises BusError."""
        for one in exchanges:
            await self._call(
                "exchange_declare",
                f"exchange {one.name!r}",
                exchange=one.name,
                type=one.type,
                durable=one.durable,
                auto_delete=one.auto_delete,
            )
        await self._declare_queue(self.gaps, {"x-max-length": 1, "x-overflow": "drop-head"})
        await self._declare_queue(self.queue, bounds(self.queue_bytes, self.gaps))

    async def bind(self, binding: Binding) -> None:
        """Bind the queue. Raises BusError."""
        await self._call("queue_bind", f"{binding}", **self._arguments(binding))
        self.bound.add(binding)

    async def unbind(self, binding: Binding) -> None:
        """Undo `bind`. Raises BusError."""
        await self._call("queue_unbind", f"{binding}", **self._arguments(binding))
        self.bound.discard(binding)

    async def consume(
        self, deliver: Callable[[Delivery], None], lost: Callable[[], None], prefetch: int
    ) -> None:
        """Let deliveries come. Raises BusError.

        Args:
            deliver: gets each.
            lost: told that some were dropped, and all that still waited with them; what is delivered
                afterwards was published after all of these.
            prefetch: how many may be under way unacknowledged.
        """
        channel = await self.client.channel(MAIN)
        self.client.on_delivery = deliver
        self.client.on_gap = lambda: self._own(self._start_afresh(channel, lost))
        self.client.hear(str(self._tag))  # nobody yet
        try:
            await channel.channel_open()
            await channel.basic_qos(prefetch_count=1)  # of the consumers that follow, as RabbitMQ has it
            await channel.basic_consume(queue=self.gaps, consumer_tag=GAPS)
            await channel.basic_qos(prefetch_count=prefetch)
            await self._take(channel)
        except Closed as closed:
            raise BusError(explain(self.client.why or closed)) from None

    def _take(self, channel: AmqpChannel) -> Deferred[Any]:
        """Consume by a new tag; what is still delivered to the one before is not heard."""
        self._tag += 1
        self.client.hear(str(self._tag))
        call: Deferred[Any] = channel.basic_consume(queue=self.queue, consumer_tag=str(self._tag))
        return call

    async def _start_afresh(self, channel: AmqpChannel, lost: Callable[[], None]) -> None:
        """Discard all that waits or is under way, then tell.

        All calls are written at once, on the channel of the acknowledgement that follows them: so no gap
        is delivered twice. What the new tag brings was published after the queue was emptied.
        """
        if not self._tag:
            return  # what was dropped before anything was consumed is nobody's
        calls: list[Deferred[Any]] = [
            channel.basic_cancel(consumer_tag=str(self._tag)),
            channel.queue_purge(queue=self.queue),
            channel.queue_purge(queue=self.gaps),
            self._take(channel),
        ]
        await DeferredList(calls, consumeErrors=True)
        if self.client.why is None:  # else the bus is lost, which is told
            lost()

    def _own(self, coroutine: Any) -> None:
        """Nobody waits for it; a mistake in it is logged."""
        Deferred.fromCoroutine(coroutine).addErrback(
            lambda failure: _log.failure("The bus made a mistake.", failure)
        )

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
        """Call a method on the second channel, one at a time, so that a refusal is of this call."""
        await self._lock.acquire()
        try:
            channel = await self._channel()
            call: Deferred[Any] = getattr(channel, name)(**arguments)
            await call
        except Closed as closed:
            raise BusError(f"{what}: {explain(self.client.why or closed)}") from None
        except ValueError as mistake:
            raise BusError(f"{what}: {mistake}") from None
        finally:
            self._lock.release()

    async def _channel(self) -> AmqpChannel:
        if self._control is None or self._control.closed:
            self._last_channel += 1  # ids are not used again
            self._control = await self.client.channel(self._last_channel)
            await self._control.channel_open()
        return self._control
