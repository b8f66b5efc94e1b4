"""What is ours on a consuming connection: the queue, what is bound to it, and the flow of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from txamqp.client import Closed

from wsevents.buses.amqp.client import MAIN, Channel, Client
from wsevents.buses.amqp.reasons import explain
from wsevents.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.messages import Binding, Delivery, Exchange


@define(eq=False)
class Consumer:
    """A queue of our own, which ends with the connection.

    What may fail because of its arguments goes over a second channel, which the broker closes then:
    deliveries on the main one go on.

    Attributes:
        client: the connection.
        queue: name for the queue, unique, as the previous one may not be quite gone.
        bound: what is bound to it.
    """

    client: Client
    queue: str
    bound: set[Binding] = field(init=False, factory=set)
    _lock: DeferredLock = field(init=False, factory=DeferredLock)
    _control: Channel | None = field(init=False, default=None)
    _last_channel: int = field(init=False, default=MAIN)

    async def declare(self, exchanges: list[Exchange]) -> None:
        """Declare the exchanges and the queue. Raises BusError."""
        for one in exchanges:
            await self._call(
                "exchange_declare",
                f"exchange {one.name!r}",
                exchange=one.name,
                type=one.type,
                durable=one.durable,
                auto_delete=one.auto_delete,
            )
        await self._call(
            "queue_declare", f"queue {self.queue!r}", queue=self.queue, exclusive=True, auto_delete=True
        )

    async def bind(self, binding: Binding) -> None:
        """Bind the queue. Raises BusError."""
        await self._call("queue_bind", f"{binding}", **self._arguments(binding))
        self.bound.add(binding)

    async def unbind(self, binding: Binding) -> None:
        """Undo `bind`. Raises BusError."""
        await self._call("queue_unbind", f"{binding}", **self._arguments(binding))
        self.bound.discard(binding)

    async def consume(self, deliver: Callable[[Delivery], None], prefetch: int) -> None:
        """Let deliveries come. Raises BusError."""
        channel = await self.client.channel(MAIN)
        try:
            await channel.channel_open()
            await channel.basic_qos(prefetch_count=prefetch)
            self.client.on_delivery = deliver
            await channel.basic_consume(queue=self.queue, exclusive=True)
        except Closed as closed:
            raise BusError(explain(self.client.why or closed)) from None

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

    async def _channel(self) -> Channel:
        if self._control is None or self._control.closed:
            self._last_channel += 1  # ids are not used again
            self._control = await self.client.channel(self._last_channel)
            await self._control.channel_open()
        return self._control
