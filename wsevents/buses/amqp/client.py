"""One AMQP connection: txamqp's client, with everything that touches bytes replaced.

txamqp keeps the connection, channels, and the pairing of calls with replies. Ours are the codec,
the reading of deliveries straight from the buffer, the handshake with its capabilities and its
deadline, the heartbeat, and an end that always comes: docs/decisions/0003-txamqp.md.
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
"""The channel that consumes or publishes; a connection whose main channel is closed is over."""

GAPS = "gaps"
"""The tag of the consumer whose messages only say that others were dropped."""

FRAME_MAX = 131072
HANDSHAKE_SECONDS = 10.0
LEAVE_SECONDS = 2.0

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
    """What to say to a broker. `heartbeat` in seconds."""

    vhost: str
    username: str
    password: str = field(repr=False)
    heartbeat: int = 10


class AmqpChannel(AMQChannel):
    """txamqp's channel, with calls encoded by our codec and written at once."""

    if TYPE_CHECKING:
        # txamqp makes the methods of AMQP from the specification when it runs.
        def __getattr__(self, name: str) -> Any: ...

    def invoke(self, method: Any, args: Sequence[Any], content: Content | None = None) -> Deferred[Any]:
        """Call a method; fires with the reply, or None if there is none.

        Fails with ValueError (an argument cannot be encoded; nothing was sent) or txamqp's `Closed`.
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
    """What the broker says unasked."""

    client: AmqpClient

    def connection_start(self, ch: AmqpChannel, msg: Message) -> None:
        """Say who we are, and which of RabbitMQ's extensions we understand."""
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
        """Agree on the size of frames (0 from the broker means any) and on the heartbeat."""
        self.client.MAX_LENGTH = min(msg.frame_max or FRAME_MAX, FRAME_MAX)
        ch.connection_tune_ok(msg.channel_max, self.client.MAX_LENGTH, self.client.login.heartbeat)
        self.client.started.fire()

    def connection_blocked(self, ch: AmqpChannel, msg: Message) -> None:
        """The broker is short of memory or disk and reads no more from publishers."""
        self.client.block(msg.reason or "no reason given")

    def connection_unblocked(self, ch: AmqpChannel, msg: Message) -> None:
        """It reads again."""
        self.client.block(None)

    def basic_cancel(self, ch: AmqpChannel, msg: Message) -> None:
        """The queue is gone; the connection is of no use without it."""
        self.client.end(BusError("the broker cancelled the consumer (somebody deleted the queue)"))

    def basic_ack(self, ch: AmqpChannel, msg: Message) -> None:
        """A publication was taken over."""
        self.client.on_confirm(msg.delivery_tag, msg.multiple, True)

    def basic_nack(self, ch: AmqpChannel, msg: Message) -> None:
        """A publication was not taken over."""
        self.client.on_confirm(msg.delivery_tag, msg.multiple, False)


class AmqpClient(AMQClient):
    """A connection to a broker.

    Attributes:
        login: what to say to the broker.
        why: why the connection is over, see `reasons.explain`; None while it is not.
        over: fires when `why` is known. `disconnected` of txamqp fires when the socket is closed.
        on_delivery: gets each Delivery; those it returned for are acknowledged once for each read
            from the socket. None: deliveries are dropped.
        on_gap: told of each delivery to the consumer `GAPS`, before that is acknowledged.
        on_confirm: gets delivery tag, multiple, and whether the broker took it over.
        on_blocked: gets why publishing is blocked, or None: it is not any more.
    """

    channelClass = AmqpChannel
    transport: Any
    _log = Logger()

    def __init__(self, login: AmqpLogin, clock: Any, now: Callable[[], float] = time) -> None:
        # txamqp's own heartbeat (off: 0) costs two timers for each frame that comes.
        super().__init__(Delegate(), login.vhost, spec.load(), heartbeat=0, clock=clock)
        self.MAX_LENGTH = FRAME_MAX
        self.login = login
        self.why: Any = None
        self.over = TwistedEvent()
        self.on_delivery: Callable[[Delivery], None] | None = None
        self.on_gap: Callable[[], None] = lambda: None
        self.on_confirm: Callable[[int, bool, bool], None] = lambda *_: None
        self.on_blocked: Callable[[str | None], None] = lambda _: None
        self._now = now
        self._told = False
        self._opened = False
        self._leaving = False
        self._timer: Any = None
        self._heard = True
        self._silent_ticks = 0
        self._partial = b""
        self._unacknowledged = 0
        self._method: tuple[int, bool, str, str] | None = None
        self._tag = b""
        self._other: bytes | None = None
        self._headers: dict[str, Any] | None = None
        self._missing = 0
        self._chunks: list[bytes] = []
        self._complained = False

    # -- beginning and end ----------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin the handshake; it has a deadline."""
        super().connectionMade()
        self._arm(
            HANDSHAKE_SECONDS,
            self.abort,
            f"no AMQP handshake within {HANDSHAKE_SECONDS:.0f} s (is it a broker?)",
        )

    async def open(self) -> None:
        """Wait until the broker has let us in. Raises txamqp's `Closed`; `why` has the reason."""
        await self.started.wait()
        channel = await self.channel(0)
        await channel.connection_open(virtual_host=self.vhost)
        self._opened = True
        self._arm(self.login.heartbeat / 2, self._beat)

    def end(self, reason: Any) -> None:
        """Note the first reason why the connection is of no more use, and tell."""
        self.why = self.why or reason
        if not self._told:
            self._told = True
            self.over.fire()

    def leave(self) -> None:
        """Close the connection in order; `disconnected` fires within LEAVE_SECONDS or so."""
        leaving, self._leaving = self._leaving, True
        if leaving or not self.connected:
            return
        self.on_delivery = None
        self.end(LEFT)
        self._arm(LEAVE_SECONDS, self.transport.abortConnection)
        if not self._opened:
            self.transport.abortConnection()
        elif not self.closed:
            close_reasons = self.channels[0].connection_close(reply_code=200, reply_text="goodbye")
            close_reasons.addBoth(lambda _: self.do_close(ConnectionDone()))

    def abort(self, why: str) -> None:
        """Drop the connection: there is nothing to wait for."""
        self.end(BusError(why))
        self.transport.abortConnection()

    def do_close(self, reason: Any) -> None:
        """The broker closed the connection, or it is lost."""
        self.why = self.why or reason
        for channel in list(self.channels.values()):
            channel.close(reason)
        self.delegate.close(reason)
        self.end(reason)  # last: who is told may act at once, and the connection is closed then

    def channel_failed(self, channel: AmqpChannel, reason: Failure) -> None:
        """The broker closed a channel."""
        self.channels.pop(channel.id, None)
        if channel.id == MAIN:
            self.end(channel.reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave nothing behind."""
        self.connected = 0
        self._arm(0, None)
        super().connectionLost(reason)

    def block(self, why: str | None) -> None:
        """Log it and pass it on."""
        if why is None:
            self._log.info("The broker takes publications again.")
        else:
            self._log.warn(
                "The broker takes no publications for now: {why} (see its memory and disk alarms).", why=why
            )
        self.on_blocked(why)

    def _arm(self, seconds: float, call: Callable[..., Any] | None, *args: Any) -> None:
        """Set the one timer of the connection; without a call, only cancel it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.clock.callLater(seconds, call, *args) if call else None

    def _beat(self) -> None:
        """Twice in an interval: send a heartbeat, and give up after two intervals of silence."""
        self._silent_ticks = 0 if self._heard else self._silent_ticks + 1
        self._heard = False
        if self._silent_ticks > 3:  # noqa: PLR2004 four halves
            self.abort(f"no sign of life from the broker for {2 * self.login.heartbeat} s")
            return
        self.transport.write(_HEARTBEAT)
        self._arm(self.login.heartbeat / 2, self._beat)

    # -- reading ----------------------------------------------------------------------------------

    def hear(self, tag: str) -> None:
        """Take deliveries to the consumer of this tag alone; those to another are acknowledged only."""
        self._tag = bytes([len(tag)]) + tag.encode()

    def dataReceived(self, data: bytes) -> None:
        """Read all whole frames, then acknowledge what was delivered in them."""
        if self.closed:
            return
        self._heard = True
        data = self._partial + data if self._partial else data
        try:
            self._partial = data[self._read_frames(data) :]
        except (ValueError, IndexError, error) as mistake:
            self.abort(f"the broker speaks no AMQP that we know: {mistake}")
            return
        if self._unacknowledged and not self.closed:
            self.transport.write(encode_ack(MAIN, self._unacknowledged))
            self._unacknowledged = 0

    def _read_frames(self, data: bytes) -> int:
        """Read the whole frames in the data; return where they end. ValueError and others: not AMQP."""
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
                raise ValueError("a frame without an end")
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
        """basic.deliver: a message begins."""
        if self._method is not None:
            raise ValueError("a delivery within another")
        self._other = None if data.startswith(self._tag, pos) else data[pos + 1 : pos + 1 + data[pos]]
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
        except ValueError as mistake:
            self._complain(mistake)
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
        """A message is here as a whole. Without headers it could not be decoded, and is dropped.

        One that tells of a gap needs none: it is the dropped message itself, whatever that was.
        """
        assert self._method is not None  # noqa: S101 _header and _body have seen to it
        tag, redelivered, exchange, key = self._method
        headers, self._method, self._headers = self._headers, None, None
        if self.on_delivery is None:
            return
        self._unacknowledged = tag
        if self._other is not None:
            if self._other == GAPS.encode():
                self.on_gap()
        elif headers is not None:
            self.on_delivery(Delivery(body, headers, exchange, key, self._now(), redelivered))

    def _complain(self, mistake: ValueError) -> None:
        """Once for each connection: a publisher that sends one such message will send more."""
        if not self._complained:
            self._complained = True
            self._log.warn("Messages whose headers cannot be decoded are dropped: {why}", why=str(mistake))

    def frame_received(self, frame: Frame) -> None:
        """Take a method: a reply goes to the call that waits, all else to the delegate.

        Instead of txamqp's `process_frame`, `dispatch` and `worker`, which take three queues for it and
        swallow a mistake in a delegate.
        """
        channel, payload = self._channel(frame.channel), frame.payload
        if payload.method.response:
            channel.responses.put(frame)
            return
        try:
            self.delegate.dispatch(channel, Message(payload.method, payload.args))
        except Exception as mistake:  # noqa: BLE001 whatever it is
            self._log.failure("Cannot follow the broker.")
            self.abort(f"cannot follow the broker: {mistake}")

    def channel(self, id: int) -> Deferred[AmqpChannel]:  # noqa: A002 as txamqp has it
        """Fire at once with the channel of this number; txamqp's uses what Twisted has deprecated."""
        return succeed(self._channel(id))

    def _channel(self, number: int) -> AmqpChannel:
        if number not in self.channels:
            self.channels[number] = self.channelFactory(number, self.outgoing, self)
        return cast("AmqpChannel", self.channels[number])


class AmqpClientFactory(AMQFactory):
    """Makes clients; each connects once."""

    noisy = False

    def __init__(self, login: AmqpLogin, clock: Any, now: Callable[[], float] = time) -> None:
        # Not AMQFactory's, which reads a file that txamqp does not ship.
        self._login, self._clock, self._now = login, clock, now

    def buildProtocol(self, addr: IAddress | None) -> AmqpClient:
        """Make a client for a connection."""
        client = AmqpClient(self._login, self._clock, self._now)
        client.factory = self
        return client
