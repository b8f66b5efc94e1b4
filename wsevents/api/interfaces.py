"""The interfaces that a dialect, a bus and an authenticator provide.

The gateway finds plug-ins by entry points (`wsevents.config.plugins` names the groups) and verifies each
against its interface when it loads it. `docs/architecture.md` shows how the parts work together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from random import Random

    from twisted.internet.defer import Deferred

    from wsevents.api.effects import ConnectionPolicy, Effect
    from wsevents.api.events import Binding, Delivery, Dropped, Event, Exchange
    from wsevents.api.identity import Answer, Identity
    from wsevents.api.interests import IProjection
    from wsevents.api.package_files import PackageFile
    from wsevents.api.requests import Request
    from wsevents.api.settings import Config


class ISource(Interface):
    """Decodes the deliveries of one exchange. Pure: no I/O."""

    name: str = Attribute("Name of the source, the value of `Event.source`.")
    exchange: Exchange = Attribute("The exchange whose deliveries it decodes.")
    bindings: tuple[Binding, ...] = Attribute("Permanent bindings; interests may add more.")

    def decode(delivery: Delivery) -> Event | Dropped:
        """Return the event, or the reason to drop the delivery. Must not raise for any delivery."""


class ISession(Interface):
    """The protocol state of one peer: a state machine without I/O.

    Each method is a fact. It takes the time (seconds since the epoch) and returns the effects to execute,
    in order. A method must not raise.
    """

    identity: Identity | None = Attribute("The authenticated identity, or None; for the log and `/sessions`.")

    def requested(now: float) -> Sequence[Effect]:
        """The request arrived. Exactly one Accept or Respond must follow, now or after an answer."""

    def origin_refused(now: float) -> Sequence[Effect]:
        """The request came from a page of a rejected origin. One Respond must follow.

        It replaces `requested`.
        """

    def opened(now: float) -> Sequence[Effect]:
        """The WebSocket is open."""

    def received(message: str | bytes, now: float) -> Sequence[Effect]:
        """The peer sent a text message (str) or a binary message (bytes)."""

    def answered(id: int, answer: Answer, now: float) -> Sequence[Effect]:
        """The authority answered the `Ask` with this id."""

    def subscribed(id: int, live: bool, now: float) -> Sequence[Effect]:
        """The bindings of the `Subscribe` with this id are live; if `live` is false, the bus rejected one."""

    def timer_fired(name: str, now: float) -> Sequence[Effect]:
        """The time of the `SetTimer` with this name has come."""

    def identity_changed(answer: Answer, now: float) -> Sequence[Effect]:
        """The authority changed the identity, or revoked it, without a question of this session."""

    def bus_lost(now: float) -> Sequence[Effect]:
        """The bus is down. A session that opens while the bus is down receives this fact before `opened`."""

    def bus_back(now: float) -> Sequence[Effect]:
        """The bus is up again and has declared every binding again."""


class IDialect(Interface):
    """A protocol between the gateway and its peers. Pure: no I/O.

    One package holds all code and all files of one protocol.
    """

    name: str = Attribute("Name of its section in the configuration.")
    default: bool = Attribute(
        "Of the class: served when the configuration has no section `dialects:`. True for one dialect only."
    )
    page: PackageFile | None = Attribute(
        "Of the class: its script for the live page at `/`, see `web/protocols.js`; None: the live page does "
        "not offer the protocol."
    )
    demo: PackageFile | None = Attribute(
        "Of the class: its settings in the embedded default, in YAML; None: the embedded default does not "
        "serve it."
    )
    settings: type = Attribute("attrs class of its section of the configuration.")
    sources: Sequence[ISource] = Attribute("Its own sources, in addition to that of the `bus:` section.")
    policy: ConnectionPolicy = Attribute("The policy of its connections.")
    authority: str = Attribute(
        'The authority for its questions: "" for the authenticator of `auth:`, else the name of an authority '
        "that the gateway creates from the dialect's section."
    )

    def create(settings: Any, config: Config) -> IDialect:
        """Class method: return a dialect with these settings; `config` is the whole configuration."""

    def greeting(settings: Any, base_url: str, now: float) -> Sequence[str]:
        """Class method: return the lines that the embedded default prints: addresses and credentials.

        Args:
            settings: the section of `demo`.
            base_url: `wss://HOST:PORT`, without a path.
            now: seconds since the epoch, for credentials that expire.
        """

    def serves(path: str) -> bool:
        """Return whether the dialect serves requests for this path."""

    def session(request: Request, entropy: Random) -> ISession:
        """Return the session for a new peer."""

    def project(event: Event) -> IProjection | None:
        """Return the dialect's view on the event, or None if no peer of this dialect may receive it."""

    def encode(projection: Any, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the payload of the frame, UTF-8 JSON text; None drops the event: its body is not usable."""


class IAuthority(Interface):
    """Answers the questions of sessions."""

    def answer(question: Hashable, now: float) -> Deferred[Answer]:
        """Answer a question. The Deferred always fires with an Answer; an error is an Answer too.

        The caller may cancel it and then ignores its result. The authority ends the work that serves this
        answer alone at once, so that it does not delay other questions.
        """

    def revise(identity: Identity) -> Answer:
        """Return the present answer for an identity at once, from cached data, without I/O."""

    def watch(changed: Callable[[], None]) -> None:
        """Call `changed` whenever the result of `revise` may have changed."""


class IAuthenticator(IAuthority):
    """An authority as a plug-in. Also an IService, which the gateway starts and stops."""

    settings: type = Attribute("attrs class of the `auth:` section, a subclass of settings.Auth.")

    def create(settings: Any, reactor: Any) -> IAuthenticator:
        """Class method: return an authenticator with these settings; `reactor` provides time and TCP."""


class IReloadable(Interface):
    """A plug-in provides it if its section has `live` keys (`wsevents.api.settings.key`)."""

    def reconfigure(settings: Any) -> None:
        """Replace the settings; only live keys differ. Must not fail."""


class IBusListener(Interface):
    """Receives the deliveries and the state changes of a bus, in the reactor's thread."""

    def delivered(delivery: Delivery) -> None:
        """A message arrived. The bus regards it as processed when the call returns or raises."""

    def events_lost(why: str) -> None:
        """The broker dropped an unknown number of events; the bus stays up.

        Every later delivery was published after the dropped events.
        """

    def bus_lost(why: str) -> None:
        """The connection to the bus is lost. Events that are published until `bus_back` are lost."""

    def bus_back() -> None:
        """The bus is up, and every exchange and binding is declared; also after the first connect."""

    def bus_failed(why: str) -> None:
        """A connection attempt failed, the first or a later one; the bus will retry."""


class IBus(Interface):
    """A source of deliveries. Also an IService; it delivers nothing after stopService.

    It reconnects without limit, and then declares all exchanges and bindings again.
    """

    settings: type = Attribute("attrs class of the `bus:` section, a subclass of settings.Bus.")
    up: bool = Attribute("Connected, declared and bound.")
    private: bool = Attribute("Only this gateway publishes on it, so the live page may publish events.")

    def create(settings: Any, reactor: Any) -> IBus:
        """Class method: return a bus with these settings; `reactor` provides time and TCP."""

    def attach(listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]) -> None:
        """Set the listener and the permanent exchanges and bindings; called once, before startService."""

    def bind(binding: Binding) -> Deferred[None]:
        """Bind the gateway's queue. Fires when the binding is live; fails with BusError.

        The caller binds each binding once.
        """

    def unbind(binding: Binding) -> Deferred[None]:
        """Undo `bind`. Fires when done, or at once if the bus is down."""

    def publish(
        exchange: str,
        key: str,
        headers: Mapping[str, Any],
        body: bytes,
    ) -> Deferred[None]:
        """Publish a message. Fires when the bus has accepted it; fails with BusError."""
