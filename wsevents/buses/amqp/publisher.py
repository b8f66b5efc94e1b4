"""Publish on a separate connection, because a broker that blocks publishers must not stop deliveries."""

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
    """Connects at the first publication, and stays connected.

    Messages have the content type of JSON. They are persistent, like those of Wazo (the default of kombu).
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
        """Publish, and wait until the broker confirms the message. Raises BusError."""
        if self._channel is None:
            await self._opened()
        if self._blocked is not None:
            raise BusError(f"the broker does not accept publications: {self._blocked}")
        await self._send(exchange, key, Content(body, properties=_properties(headers)))

    def stop(self) -> None:
        """Fail pending publications, and start to close the connection."""
        opening = self._opening
        if opening is not None:
            opening.cancel()
        if self._client is not None:
            self._client.shutdown()

    async def _send(self, exchange: str, key: str, content: Content) -> None:
        assert self._channel is not None  # noqa: S101 opened by the caller
        try:
            await self._channel.basic_publish(exchange=exchange, routing_key=key, content=content)
        except Closed as closed:
            raise BusError(f"not published: {explain(closed)}") from None
        except ValueError as error:
            raise BusError(f"not published: {error}") from None
        self._last_tag += 1  # the broker counts alike, from 1 on each channel
        confirmed = self._unconfirmed[self._last_tag] = Deferred()
        await confirmed

    def _opened(self) -> Deferred[None]:
        """Fire when the connection is open. All callers share one attempt, and fire in order."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if self._opening is None:
            self._opening = Deferred.fromCoroutine(self._open())
            self._opening.addCallbacks(
                lambda _: self._opening_done(None), lambda failure: self._opening_done(failure.value)
            )
        return waiter

    def _opening_done(self, error: BaseException | None) -> None:
        self._opening = None
        if isinstance(error, CancelledError):
            error = BusError("the bus is stopped")
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if error is None:
                waiter.callback(None)
            else:
                waiter.errback(error)

    async def _open(self) -> None:
        client = await self._dial()
        try:
            channel = await client.channel(MAIN)
            await channel.channel_open()
            await channel.confirm_select()
        except Closed as closed:
            client.shutdown()
            raise BusError(explain(client.why or closed)) from None
        except CancelledError:
            client.shutdown()
            raise
        self._client, self._channel, self._last_tag, self._blocked = client, channel, 0, None
        client.on_confirm = self._confirmed
        client.on_blocked = self._block
        client.ended.wait().addCallback(lambda _: self._lost(client))

    async def _dial(self) -> AmqpClient:
        """Return a connection to the first broker that accepts one. Raises BusError."""
        errors = []
        for address in self.dialer.broker_addresses:
            try:
                return await self.dialer.dial(address)
            except BusError as error:
                errors.append(str(error))
        raise BusError("; ".join(errors))

    def _confirmed(self, tag: int, multiple: bool, ok: bool) -> None:
        tags = [number for number in self._unconfirmed if number <= tag] if multiple else [tag]
        for number in tags:
            waiter = self._unconfirmed.pop(number, None)
            if waiter is not None and ok:
                waiter.callback(None)
            elif waiter is not None:
                waiter.errback(BusError("the broker rejected the message"))

    def _block(self, why: str | None) -> None:
        """Fail unconfirmed publications: the broker may still publish them, but at an unknown time."""
        self._blocked = why
        if why is not None:
            self._fail(BusError(f"the broker does not accept publications: {why}"))

    def _lost(self, client: AmqpClient) -> None:
        self._client = self._channel = None
        client.shutdown()
        self._fail(BusError(f"not published: {explain(client.why)}"))

    def _fail(self, error: BusError) -> None:
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for waiter in unconfirmed.values():
            waiter.errback(error)


def _properties(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": dict(headers),
        "delivery-mode": _PERSISTENT,
    }
