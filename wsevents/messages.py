"""The values that flow between the rooms: requests, events, identities, questions and effects.

All are plain data without behaviour of consequence; who may act on them is said in
`interfaces.py`. Times called `now`, `at`, `expires` and `received` are seconds since the Unix
epoch (wall time); durations are seconds.
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from wsevents.jsontext import parse_object

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from wsevents.closing import Closing
    from wsevents.interfaces import IInterest

# -- files of plug-ins ------------------------------------------------------------------------


@frozen
class PackageFile:
    """A file that a package has beside its modules; `plugins.read_file` reads it.

    Attributes:
        package: dotted name of the package.
        name: of the file, in the folder of the package.
    """

    package: str
    name: str


# -- the bus ----------------------------------------------------------------------------------


@frozen
class Exchange:
    """An exchange to declare on the bus (AMQP 0-9-1 section 1.7.2)."""

    name: str
    type: str
    durable: bool = True
    auto_delete: bool = False


@frozen
class Binding:
    """What the gateway's queue is to receive of an exchange.

    Attributes:
        exchange: name of a declared exchange.
        key: routing key or pattern; "" for a headers exchange.
        arguments: headers to match, as sorted pairs, so that equal bindings are equal values.
    """

    exchange: str
    key: str = ""
    arguments: tuple[tuple[str, str | bool | int], ...] = ()


@frozen
class Delivery:
    """One message as the bus gave it.

    Attributes:
        body: the bytes, exactly as published.
        headers: AMQP headers, decoded: str, bool, int, float, None, bytes, list, dict, datetime, Decimal.
        exchange: where it was published.
        key: its routing key.
        received: when the gateway took it from the bus.
        redelivered: the bus may have delivered it before.
    """

    body: bytes
    headers: Mapping[str, Any]
    exchange: str
    key: str
    received: float
    redelivered: bool = False


@define(eq=False)
class Body:
    """The body of an event; parsed at most once, and only if somebody needs it."""

    raw: bytes

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The JSON object it holds, or None if it is not a UTF-8 JSON object."""
        try:
            return parse_object(self.raw)
        except ValueError:
            return None


@frozen(eq=False)
class Event:
    """Something that happened, and who may know of it.

    Attributes:
        source: the name of the source that decoded it; a dialect takes the sources that it knows.
        name: such as "call_created".
        body: what is sent on.
        required: the ACL that one must hold to see it; None: everyone may, as far as tenant and user go.
        tenant: uuid of the tenant it belongs to, or None.
        users: uuids of the users it is for.
        everyone: it is for every user of the tenant.
        public: tenant and user do not matter, name and ACL alone decide (the topic exchange of old).
        headers, exchange, key, received: of the delivery.
    """

    source: str
    name: str
    body: Body
    required: str | None
    tenant: str | None = None
    users: tuple[str, ...] = ()
    everyone: bool = False
    public: bool = False
    headers: Mapping[str, Any] = field(factory=dict)
    exchange: str = ""
    key: str = ""
    received: float = 0.0


@frozen
class Dropped:
    """Why a delivery did not become an event that anybody sees; counted by reason."""

    reason: str


# -- a peer and who it is ---------------------------------------------------------------------


@frozen
class Request:
    """The HTTP request that asks for a WebSocket.

    Attributes:
        path: percent-decoded, without the query.
        query: every value of each key in order; blank values are left out.
        headers: names in lower case.
        address: IP address of the peer, as text; of the real one, as far as trusted proxies tell.
        port: its port; 0: not known.
        listener: name of the listener it came by.
        secure: it came over TLS, here or to a trusted proxy.
    """

    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    address: str = ""
    port: int = 0
    listener: str = ""
    secure: bool = True


@frozen
class Identity:
    """Who a token belongs to and what it may see.

    Attributes:
        subject: uuid of the user or service, "me" in an ACL.
        session: uuid of the login session, "my_session" in an ACL, or None.
        tenant: uuid of its tenant.
        acl: patterns, negative ones with a leading "!".
        reach: "user" (own and everyone's events of the tenant), "tenant" (all of the tenant), "all".
        expires: when the token ends, or None.
        claims: what else the authority said; for dialects that have more to decide.
    """

    subject: str
    tenant: str
    acl: tuple[str, ...]
    session: str | None = None
    reach: str = "user"
    expires: float | None = None
    claims: Mapping[str, Any] = field(factory=dict, eq=False, repr=False)


@frozen
class Denied:
    """The authority says no. `why` is for the log and holds no secret."""

    why: str


@frozen
class Unavailable:
    """The authority could not be asked, or gave no sensible answer. `why` is for the log."""

    why: str


@frozen
class Faulty:
    """The authority said yes, but its answer lacks what a session needs. `why` is for the log."""

    why: str


@frozen
class Confirmed:
    """The token of a `Check` is still good."""


Answer = Identity | Denied | Unavailable | Faulty | Confirmed


@frozen
class WhoIs:
    """Question: whose token is this? Answered with an Identity, Denied, Unavailable or Faulty."""

    token: str = field(repr=False)


@frozen
class Check:
    """Question: is this token still good? Answered with Confirmed, Denied or Unavailable."""

    token: str = field(repr=False)


@frozen
class Describe:
    """Question of an administrator: whose token is this, whether or not it may connect?

    Answered as a WhoIs, or with Unavailable by an authority that does not know the question.
    """

    token: str = field(repr=False)


# -- what a session wants done ----------------------------------------------------------------


def _known(_: object, __: object, status: int) -> None:
    """Attrs validator: a status with a phrase, which the status line needs (RFC 9112 section 4)."""
    if status not in set(HTTPStatus):
        raise ValueError(f"{status} is no status that HTTP has")


@frozen
class Refuse:
    """Answer the request with an HTTP error; no WebSocket. Only before the upgrade."""

    status: int = field(validator=_known)
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@frozen
class Welcome:
    """Upgrade to a WebSocket, with these headers in the answer. Only before the upgrade."""

    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Ask:
    """Put a question to the dialect's authority; `answered(id, …)` follows, exactly once.

    With `hold`, reading from the peer stops until then: what it sent waits in order.
    """

    id: int
    question: Hashable
    hold: bool = True


@frozen
class Listen:
    """From now on the peer has exactly these interests.

    With an `id`, `listening(id)` follows once every binding they need is live upstream.
    """

    interests: frozenset[IInterest]
    id: int | None = None


@frozen
class Say:
    """Send a text message, after everything that was sent before."""

    text: str


@frozen
class Wake:
    """Ring `name` at the time `at`; a new one of the same name replaces it, None cancels it."""

    name: str
    at: float | None


@frozen
class Hangup:
    """End the session. `why` is for the log alone, and holds no secret."""

    closing: Closing
    why: str = ""


Effect = Refuse | Welcome | Ask | Listen | Say | Wake | Hangup


# -- the WebSocket layer ----------------------------------------------------------------------


@frozen
class Wire:
    """What a dialect wants of the WebSocket layer. Durations in seconds, sizes in bytes; 0: none.

    Attributes:
        ping_interval: between two pings from the gateway.
        pong_deadline: how long a peer may take to answer one; 0: it need not.
        idle: a peer that sends nothing at all for so long is closed.
        frame_max: larger messages to the peer are fragmented into frames of this size.
        message_max: larger messages from the peer end the session with 1009.
        deflate: whether messages are compressed for peers that ask for it (RFC 7692).
        origins: patterns of origins that may connect; "*" alone: any, a missing or null one included.
        own_pages: pages of the gateway's own origin may connect too.
        origins_key: key of the configuration that `origins` come from, for the log.
        anonymous: a peer may stay unknown for longer than `limits.authentication_seconds`.
    """

    ping_interval: float = 60
    pong_deadline: float = 20
    idle: float = 0
    frame_max: int = 0
    message_max: int = 1048576
    deflate: bool = False
    origins: tuple[str, ...] = ("*",)
    own_pages: bool = False
    origins_key: str = "allowed_origins"
    anonymous: bool = False
