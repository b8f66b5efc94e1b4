"""Publishing, on a connection of its own: a broker that blocks publishers must not stop deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from txamqp.client import Closed
from txamqp.content import Content

from wsevents.api.errors import BusError
from wsevents.buses.amqp.client import MAIN, AmqpChannel, AmqpClient
from wsevents.buses.amqp.reasons import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsevents.buses.amqp.dialer import Dialer

_PERSISTENT = 2


@define(eq=False)
class Publisher:
    """Connects when something is to be published, and stays connected.

    Events are JSON, and say so; they are persistent, as Wazo's own (kombu's default).
    """

    dialer: Dialer
    _client: AmqpClient | None = field(init=False, default=None)
    _channel: AmqpChannel | None = field(init=False, default=None)
    _opening: Deferred[None] | None = field(init=False, default=None)
    _waiting: list[Deferred[None]] = field(init=False, factory=list)
    _unconfirmed: dict[int, Deferred[None]] = field(init=False, factory=dict)
    _last_tag: int = field(init=False, default=0)
    _blocked: str | None = field(init=False, default=None)

    async def publish(self, exchange: str, key: str, headers: Mapping[str, Any], body: bytes) -> None:
        """Publish, and wait until the broker has taken it over. Raises BusError."""
        if self._channel is None:
            await self._opened()
        if self._blocked is not None:
            raise BusError(f"the broker takes no publications: {self._blocked}")
        await self._send(exchange, key, Content(body, properties=_properties(headers)))

    def stop(self) -> None:
        """Fail what is under way, and begin to leave."""
        opening = self._opening
        if opening is not None:
            opening.cancel()
        if self._client is not None:
            self._client.leave()

    async def _send(self, exchange: str, key: str, content: Content) -> None:
        assert self._channel is not None  # noqa: S101 opened by the caller
        try:
            await self._channel.basic_publish(exchange=exchange, routing_key=key, content=content)
        except Closed as closed:
            raise BusError(f"not published: {explain(closed)}") from None
        except ValueError as mistake:
            raise BusError(f"not published: {mistake}") from None
        self._last_tag += 1  # the broker counts as well, from 1 for each channel
        confirmed = self._unconfirmed[self._last_tag] = Deferred()
        await confirmed

    def _opened(self) -> Deferred[None]:
        """Fire when the connection is there; those who wait share one attempt, and keep their order."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if self._opening is None:
            self._opening = Deferred.fromCoroutine(self._open())
            self._opening.addCallbacks(lambda _: self._tell(None), lambda failure: self._tell(failure.value))
        return waiter

    def _tell(self, mistake: BaseException | None) -> None:
        self._opening = None
        if isinstance(mistake, CancelledError):
            mistake = BusError("the bus is stopped")
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if mistake is None:
                waiter.callback(None)
            else:
                waiter.errback(mistake)

    async def _open(self) -> None:
        client = await self._dial()
        try:
            channel = await client.channel(MAIN)
            await channel.channel_open()
            await channel.confirm_select()
        except Closed as closed:
            client.leave()
            raise BusError(explain(client.why or closed)) from None
        except CancelledError:
            client.leave()
            raise
        self._client, self._channel, self._last_tag, self._blocked = client, channel, 0, None
        client.on_confirm = self._confirmed
        client.on_blocked = self._block
        client.over.wait().addCallback(lambda _: self._lost(client))

    async def _dial(self) -> AmqpClient:
        """Try each broker once."""
        mistakes = []
        for address in self.dialer.broker_addresses:
            try:
                return await self.dialer.dial(address)
            except BusError as mistake:
                mistakes.append(str(mistake))
        raise BusError("; ".join(mistakes))

    def _confirmed(self, tag: int, multiple: bool, ok: bool) -> None:
        tags = [one for one in self._unconfirmed if one <= tag] if multiple else [tag]
        for one in tags:
            waiter = self._unconfirmed.pop(one, None)
            if waiter is not None and ok:
                waiter.callback(None)
            elif waiter is not None:
                waiter.errback(BusError("the broker did not take it over"))

    def _block(self, why: str | None) -> None:
        """What waits for a confirmation may yet be published, but nobody can say when."""
        self._blocked = why
        if why is not None:
            self._fail(BusError(f"the broker takes no publications: {why}"))

    def _lost(self, client: AmqpClient) -> None:
        self._client = self._channel = None
        client.leave()
        self._fail(BusError(f"not published: {explain(client.why)}"))

    def _fail(self, mistake: BusError) -> None:
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for waiter in unconfirmed.values():
            waiter.errback(mistake)


def _properties(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": dict(headers),
        "delivery-mode": _PERSISTENT,
    }
