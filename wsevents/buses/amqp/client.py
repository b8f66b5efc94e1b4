"""One AMQP connection: txamqp's client with its own codec.

txamqp provides the connection, the channels, and the matching of replies with calls. This module provides
the codec, the parsing of deliveries directly from the buffer, the handshake with capabilities and a
timeout, the heartbeat, and a bounded shutdown. docs/decisions/0003-txamqp.md has the reasons.
"""

from __future__ import annotations

from struct import Struct, error
from time import time
from typing import TYPE_CHECKING, Any, cast

from attrs import field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from txamqp.client import TwistedDelegate, TwistedEvent
from txamqp.connection import Frame
from txamqp.factory import AMQFactory
from txamqp.message import Message
from txamqp.protocol import AMQChannel, AMQClient
from txamqp.queue import Closed as QueueClosed

from wsevents import __version__
from wsevents.api.errors import BusError
from wsevents.api.events import Delivery
from wsevents.buses.amqp import spec
from wsevents.buses.amqp.frames import (
    decode_header,
    decode_headers,
    decode_method,
    encode_ack,
    encode_content,
    encode_frame,
    encode_method,
)
from wsevents.buses.amqp.reasons import LEFT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure
    from txamqp.content import Content

MAIN = 1
"""The channel that consumes or publishes. If the broker closes it, the connection ends."""

GAPS = "gaps"
"""Consumer tag of the gaps queue. A delivery with this tag means that events were dropped."""

FRAME_MAX = 131072
HANDSHAKE_SECONDS = 10.0
SHUTDOWN_SECONDS = 2.0

_HEARTBEAT = encode_frame(spec.HEARTBEAT, 0, b"")
_CAPABILITIES = (
    "authentication_failure_close",
    "basic.nack",
    "connection.blocked",
    "consumer_cancel_notify",
    "exchange_exchange_bindings",
    "publisher_confirms",
)
_read_head = Struct(">BHL").unpack_from
_read_tag = Struct(">QB").unpack_from
_DELIVER = b"\0\x3c\0\x3c"  # class 60, method 60


@frozen
class AmqpLogin:
    """Credentials and settings for the AMQP handshake; `heartbeat` in seconds."""

    vhost: str
    username: str
    password: str = field(repr=False)
    heartbeat: int = 10


class AmqpChannel(AMQChannel):
    """txamqp's channel; each call is encoded by `frames` and written to the transport at once."""

    if TYPE_CHECKING:
        # txamqp creates the AMQP methods from the specification at run time.
        def __getattr__(self, name: str) -> Any: ...

    def invoke(self, method: Any, args: Sequence[Any], content: Content | None = None) -> Deferred[Any]:
        """Call a method. Fires with the reply, or with None if the method has no reply.

        Fails with txamqp's `Closed`, or with ValueError for an invalid argument. Then it has sent nothing.
        """
        return Deferred.fromCoroutine(self._invoke(method, args, content))

    async def _invoke(self, method: Any, args: Sequence[Any], content: Content | None) -> Any:
        if self.closed:
            self._raise_closed(self.reason)
        frames = [encode_method(self.id, method, args)]
        if content is not None:
            frames += encode_content(self.id, content, self.client.MAX_LENGTH)
        self.client.transport.write(b"".join(frames))
        if not method.responses:
            return None
        try:
            reply = (await self.responses.get()).payload
        except QueueClosed:
            self._raise_closed(self.reason)
        return Message(reply.method, reply.args)


class Delegate(TwistedDelegate):
    """Handles the methods that the broker sends on its own."""

    client: AmqpClient

    def connection_start(self, ch: AmqpChannel, msg: Message) -> None:
        """Send the credentials and the supported RabbitMQ extensions."""
        login = self.client.login
        ch.connection_start_ok(
            client_properties={
                "product": "wsevents",
                "version": __version__,
                "capabilities": dict.fromkeys(_CAPABILITIES, True),
            },
            mechanism="PLAIN",
            response=f"\0{login.username}\0{login.password}",
            locale="en_US",
        )

    def connection_tune(self, ch: AmqpChannel, msg: Message) -> None:
        """Negotiate the frame size (0 from the broker means no limit) and the heartbeat."""
        self.client.MAX_LENGTH = min(msg.frame_max or FRAME_MAX, FRAME_MAX)
        ch.connection_tune_ok(msg.channel_max, self.client.MAX_LENGTH, self.client.login.heartbeat)
        self.client.started.fire()

    def connection_blocked(self, ch: AmqpChannel, msg: Message) -> None:
        """Record that the broker is short of memory or disk and no longer reads from publishers."""
        self.client.block(msg.reason or "no reason given")

    def connection_unblocked(self, ch: AmqpChannel, msg: Message) -> None:
        """Record that the broker reads from publishers again."""
        self.client.block(None)

    def basic_cancel(self, ch: AmqpChannel, msg: Message) -> None:
        """End the connection: the broker cancelled the consumer, usually because the queue was deleted."""
        self.client.end(BusError("the broker cancelled the consumer (the queue was deleted)"))

    def basic_ack(self, ch: AmqpChannel, msg: Message) -> None:
        self.client.on_confirm(msg.delivery_tag, msg.multiple, True)

    def basic_nack(self, ch: AmqpChannel, msg: Message) -> None:
        self.client.on_confirm(msg.delivery_tag, msg.multiple, False)


class AmqpClient(AMQClient):
    """A connection to a broker.

    Attributes:
        login: credentials and settings for the handshake.
        why: why the connection has ended, for `reasons.explain`; None before.
        ended: fires when `why` is set. txamqp's `disconnected` fires when the socket is closed.
        on_delivery: called with each Delivery. After each read from the socket, the client acknowledges the
            deliveries of that read. None: deliveries are dropped.
        on_gap: called for each delivery to the consumer `GAPS`, before its acknowledgement.
        on_confirm: called with delivery tag, multiple, and whether the broker accepted the message.
        on_blocked: called with the reason when the broker blocks publishing, with None when it unblocks.
    """

    channelClass = AmqpChannel
    transport: Any
    _log = Logger()

    def __init__(self, login: AmqpLogin, clock: Any, now: Callable[[], float] = time) -> None:
        # 0 disables txamqp's heartbeat, which costs two timers for each received frame.
        super().__init__(Delegate(), login.vhost, spec.load(), heartbeat=0, clock=clock)
        self.MAX_LENGTH = FRAME_MAX
        self.login = login
        self.why: Any = None
        self.ended = TwistedEvent()
        self.on_delivery: Callable[[Delivery], None] | None = None
        self.on_gap: Callable[[], None] = lambda: None
        self.on_confirm: Callable[[int, bool, bool], None] = lambda *_: None
        self.on_blocked: Callable[[str | None], None] = lambda _: None
        self._now = now
        self._end_fired = False
        self._opened = False
        self._closing = False
        self._timer: Any = None
        self._received = True
        self._silent_ticks = 0
        self._partial = b""
        self._unacknowledged = 0
        self._method: tuple[int, bool, str, str] | None = None
        self._tag = b""
        self._other_tag: bytes | None = None
        self._headers: dict[str, Any] | None = None
        self._missing = 0
        self._chunks: list[bytes] = []
        self._decode_error_logged = False

    # -- start and end ------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Start the handshake and its timeout."""
        super().connectionMade()
        self._arm(
            HANDSHAKE_SECONDS,
            self.abort,
            f"no AMQP handshake within {HANDSHAKE_SECONDS:.0f} s (check that the port is an AMQP port)",
        )

    async def open(self) -> None:
        """Complete the handshake. Raises txamqp's `Closed`; then `why` has the reason."""
        await self.started.wait()
        channel = await self.channel(0)
        await channel.connection_open(virtual_host=self.vhost)
        self._opened = True
        self._arm(self.login.heartbeat / 2, self._beat)

    def end(self, reason: Any) -> None:
        """Record why the connection ends, and fire `ended`. Only the first call has an effect."""
        self.why = self.why or reason
        if not self._end_fired:
            self._end_fired = True
            self.ended.fire()

    def shutdown(self) -> None:
        """Close the connection in order, or abort it after SHUTDOWN_SECONDS; then `disconnected` fires."""
        closing, self._closing = self._closing, True
        if closing or not self.connected:
            return
        self.on_delivery = None
        self.end(LEFT)
        self._arm(SHUTDOWN_SECONDS, self.transport.abortConnection)
        if not self._opened:
            self.transport.abortConnection()
        elif not self.closed:
            closed = self.channels[0].connection_close(reply_code=200, reply_text="goodbye")
            closed.addBoth(lambda _: self.do_close(ConnectionDone()))

    def abort(self, why: str) -> None:
        """End the connection with a reason, without an orderly close."""
        self.end(BusError(why))
        self.transport.abortConnection()

    def do_close(self, reason: Any) -> None:
        """Close all channels: the broker closed the connection, or it is lost."""
        self.why = self.why or reason
        for channel in list(self.channels.values()):
            channel.close(reason)
        self.delegate.close(reason)
        self.end(reason)  # last: a callback may run at once and must find everything closed

    def channel_failed(self, channel: AmqpChannel, reason: Failure) -> None:
        """Remove a channel that the broker closed; the main channel ends the connection."""
        self.channels.pop(channel.id, None)
        if channel.id == MAIN:
            self.end(channel.reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Cancel the timer, and close what txamqp has open."""
        self.connected = 0
        self._arm(0, None)
        super().connectionLost(reason)

    def block(self, why: str | None) -> None:
        """Log that the broker blocks publishing (None: unblocks), and call `on_blocked`."""
        if why is None:
            self._log.info("the broker accepts publications again")
        else:
            self._log.warn(
                "the broker does not accept publications: {why}; check its memory and disk alarms", why=why
            )
        self.on_blocked(why)

    def _arm(self, seconds: float, call: Callable[..., Any] | None, *args: Any) -> None:
        """Replace the timer of the connection; without a call, only cancel it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.clock.callLater(seconds, call, *args) if call else None

    def _beat(self) -> None:
        """Run twice per interval: send a heartbeat, and abort after two intervals without data."""
        self._silent_ticks = 0 if self._received else self._silent_ticks + 1
        self._received = False
        if self._silent_ticks > 3:  # noqa: PLR2004 four half intervals
            self.abort(f"no data from the broker for {2 * self.login.heartbeat} s")
            return
        self.transport.write(_HEARTBEAT)
        self._arm(self.login.heartbeat / 2, self._beat)

    # -- reading ----------------------------------------------------------------------------------

    def select_consumer(self, tag: str) -> None:
        """Pass on deliveries with this consumer tag only. Other deliveries are acknowledged and dropped."""
        self._tag = bytes([len(tag)]) + tag.encode()

    def dataReceived(self, data: bytes) -> None:
        """Handle all complete frames, then acknowledge the deliveries in them."""
        if self.closed:
            return
        self._received = True
        data = self._partial + data if self._partial else data
        try:
            self._partial = data[self._read_frames(data) :]
        except (ValueError, IndexError, error) as problem:
            self.abort(f"invalid AMQP from the broker: {problem}")
            return
        if self._unacknowledged and not self.closed:
            self.transport.write(encode_ack(MAIN, self._unacknowledged))
            self._unacknowledged = 0

    def _read_frames(self, data: bytes) -> int:
        """Handle the complete frames in the data, and return where they end.

        Raises ValueError, IndexError or struct.error for data that is not AMQP.
        """
        pos, size = 0, len(data)
        while size - pos > 7 and not self.closed:  # noqa: PLR2004 type, channel, length
            kind, channel, length = _read_head(data, pos)
            if length > self.MAX_LENGTH:
                raise ValueError(f"a frame of {length} bytes")
            start = pos + 7
            end = start + length
            if end >= size:
                break
            if data[end] != spec.END:
                raise ValueError("a frame without its end byte")
            pos = end + 1
            if kind == spec.BODY:
                self._body(data[start:end])
            elif kind == spec.HEADER:
                self._header(data[start:end])
            elif kind == spec.METHOD:
                if data[start : start + 4] == _DELIVER:
                    self._deliver(data, start + 4)
                else:
                    self.frame_received(Frame(channel, decode_method(self.spec, data[start:end])))
            elif kind != spec.HEARTBEAT:
                raise ValueError(f"a frame of type {kind}")
        return pos

    def _deliver(self, data: bytes, pos: int) -> None:
        """Start a message: parse basic.deliver."""
        if self._method is not None:
            raise ValueError("a delivery inside another delivery")
        self._other_tag = None if data.startswith(self._tag, pos) else data[pos + 1 : pos + 1 + data[pos]]
        pos += 1 + data[pos]
        tag, redelivered = _read_tag(data, pos)
        start = pos + 10
        end = start + data[pos + 9]
        stop = end + 1 + data[end]
        exchange, key = data[start:end], data[end + 1 : stop]
        self._method = (
            tag,
            bool(redelivered),
            exchange.decode("utf-8", "replace"),
            key.decode("utf-8", "replace"),
        )

    def _header(self, payload: bytes) -> None:
        if self._method is None:
            raise ValueError("a content header without a method")
        self._missing, flags = decode_header(payload)
        try:
            self._headers = decode_headers(payload, flags)
        except ValueError as problem:
            self._log_decode_error(problem)
        if not self._missing:
            self._complete(b"")

    def _body(self, payload: bytes) -> None:
        self._missing -= len(payload)
        if self._missing > 0:
            self._chunks.append(payload)
        elif self._missing < 0 or self._method is None:
            raise ValueError("more body than announced")
        elif self._chunks:
            self._chunks.append(payload)
            payload, self._chunks = b"".join(self._chunks), []
            self._complete(payload)
        else:
            self._complete(payload)

    def _complete(self, body: bytes) -> None:
        """Pass on a complete message. One without headers could not be decoded and is dropped.

        A message of the gaps queue needs no headers: it is a dropped message, and only its arrival counts.
        """
        assert self._method is not None  # noqa: S101 _header and _body check it
        tag, redelivered, exchange, key = self._method
        headers, self._method, self._headers = self._headers, None, None
        if self.on_delivery is None:
            return
        self._unacknowledged = tag
        if self._other_tag is not None:
            if self._other_tag == GAPS.encode():
                self.on_gap()
        elif headers is not None:
            self.on_delivery(Delivery(body, headers, exchange, key, self._now(), redelivered))

    def _log_decode_error(self, problem: ValueError) -> None:
        # Once per connection: a publisher that sends one such message sends more.
        if not self._decode_error_logged:
            self._decode_error_logged = True
            self._log.warn("dropping messages whose headers cannot be decoded: {why}", why=str(problem))

    def frame_received(self, frame: Frame) -> None:
        """Pass a reply to its pending call, and any other method to the delegate.

        It replaces txamqp's `process_frame`, `dispatch` and `worker`, which use three queues and ignore an
        exception of the delegate.
        """
        channel, payload = self._channel(frame.channel), frame.payload
        if payload.method.response:
            channel.responses.put(frame)
            return
        try:
            self.delegate.dispatch(channel, Message(payload.method, payload.args))
        except Exception as problem:  # noqa: BLE001 the delegate runs code of txamqp and of callbacks
            self._log.failure("cannot handle a method of the broker")
            self.abort(f"cannot handle a method of the broker: {problem}")

    def channel(self, id: int) -> Deferred[AmqpChannel]:  # noqa: A002 txamqp's name
        """Fire at once with the channel of this number. txamqp's version uses deprecated parts of Twisted."""
        return succeed(self._channel(id))

    def _channel(self, number: int) -> AmqpChannel:
        if number not in self.channels:
            self.channels[number] = self.channelFactory(number, self.outgoing, self)
        return cast("AmqpChannel", self.channels[number])


class AmqpClientFactory(AMQFactory):
    """Creates one client for each connection."""

    noisy = False

    def __init__(self, login: AmqpLogin, clock: Any, now: Callable[[], float] = time) -> None:
        # Without super(): AMQFactory reads a file that txamqp does not ship.
        self._login, self._clock, self._now = login, clock, now

    def buildProtocol(self, addr: IAddress | None) -> AmqpClient:
        """Return a client for a connection."""
        client = AmqpClient(self._login, self._clock, self._now)
        client.factory = self
        return client
