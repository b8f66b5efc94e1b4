"""The seams: what a dialect, a bus and an authenticator are.

Each is found by an entry point in the group named in `plugins.py`, and checked against the
interface here when it is loaded. `docs/architecture.md` shows how the five protocols sit on them.
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
    """What a stream of deliveries means. Pure: no I/O."""

    name: str = Attribute("Goes into `Event.source`.")
    exchange: Exchange = Attribute(
        "The exchange it reads; a delivery is decoded by the source of its exchange."
    )
    bindings: tuple[Binding, ...] = Attribute("What it always needs; interests may need more.")

    def decode(delivery: Delivery) -> Event | Dropped:
        """Return the event, or why it is none. Never raises, whatever was published."""


class ISession(Interface):
    """The conversation with one peer: a state machine without I/O.

    Facts go in, each with the time; the effects to run come out, in order. No fact raises.
    """

    identity: Identity | None = Attribute("Who the peer is, once known; for the log and the roster.")

    def requested(now: float) -> Sequence[Effect]:
        """The request came in. Exactly one Welcome or Refuse must follow, now or after an answer."""

    def origin_refused(now: float) -> Sequence[Effect]:
        """In place of `requested`: a page of an origin that may not connect. One Refuse must follow."""

    def opened(now: float) -> Sequence[Effect]:
        """The WebSocket is open."""

    def received(message: str | bytes, now: float) -> Sequence[Effect]:
        """A text (str) or binary (bytes) message came."""

    def answered(id: int, answer: Answer, now: float) -> Sequence[Effect]:
        """The authority answered the Ask of this id."""

    def subscribed(id: int, live: bool, now: float) -> Sequence[Effect]:
        """The bindings of the Listen of this id are live upstream, or (not `live`) were refused there."""

    def timer_fired(name: str, now: float) -> Sequence[Effect]:
        """The time of the Wake of this name has come."""

    def identity_changed(answer: Answer, now: float) -> Sequence[Effect]:
        """The authority changed its mind about the identity, without being asked."""

    def bus_lost(now: float) -> Sequence[Effect]:
        """The bus is gone; told at once to a session that opens while it is."""

    def bus_back(now: float) -> Sequence[Effect]:
        """The bus is back, with every binding declared again."""


class IDialect(Interface):
    """A protocol that peers speak. Pure: no I/O; settings come in, values go out.

    All that is of this protocol alone is in the folder of its package, the files named here too.
    """

    name: str = Attribute("As in the configuration.")
    default: bool = Attribute(
        "Of the class: served when the configuration has no section `dialects:`. True for one dialect only."
    )
    page: PackageFile | None = Attribute(
        "Of the class: its script for the page at `/`, which `web/protocols.js` describes; None: the page "
        "does not speak it."
    )
    demo: PackageFile | None = Attribute(
        "Of the class: its section of the configuration in the embedded default, in YAML; None: the embedded "
        "default does not serve it."
    )
    settings: type = Attribute("attrs class of its own section of the configuration.")
    sources: Sequence[ISource] = Attribute("Sources of its own, beside the bus section's.")
    wire: ConnectionPolicy = Attribute("What it wants of the WebSocket layer.")
    authority: str = Attribute(
        'Who answers its questions: "" for the authenticator of `auth:`, else the name of an authority, '
        "which is made from the dialect's own section."
    )

    def create(settings: Any, config: Config) -> IDialect:
        """Class method: a dialect with these settings; `config` is the whole configuration."""

    def greeting(settings: Any, base_url: str, now: float) -> Sequence[str]:
        """Class method: the lines that the embedded default prints, addresses and credentials.

        Args:
            settings: the section of `demo`.
            base_url: `wss://HOST:PORT`, without a path.
            now: seconds since the epoch, for credentials that expire.
        """

    def serves(path: str) -> bool:
        """Whether a request for this path is for this dialect."""

    def session(request: Request, entropy: Random) -> ISession:
        """Begin a conversation."""

    def project(event: Event) -> IProjection | None:
        """Say where the event may be wanted; None: by nobody who speaks this dialect."""

    def encode(projection: Any, shape: Hashable, variant: Hashable) -> bytes | None:
        """Return the payload (UTF-8 JSON text) of the frame; None: the body is unfit, drop the event."""


class IAuthority(Interface):
    """Whom sessions put questions to."""

    def answer(question: Hashable, now: float) -> Deferred[Answer]:
        """Answer; every failure is an answer too, the Deferred does not fail and always fires.

        Whoever asked may cancel it, and then takes no notice of what it fires or fails with. What was
        under way for this answer alone ends at once, and makes room for other questions.
        """

    def revise(identity: Identity) -> Answer:
        """Say at once what the identity is worth now, from memory."""

    def watch(changed: Callable[[], None]) -> None:
        """Call `changed` whenever `revise` may say something new."""


class IAuthenticator(IAuthority):
    """An authority as a plugin. Also an IService: started and stopped with the gateway."""

    settings: type = Attribute("attrs class of the `auth:` section, a subclass of settings.Auth.")

    def create(settings: Any, reactor: Any) -> IAuthenticator:
        """Class method: an authenticator with these settings; `reactor` has time and TCP."""


class IReloadable(Interface):
    """What a plug-in provides besides, if keys of its section are `live` (`wsevents.api.settings.key`)."""

    def reconfigure(settings: Any) -> None:
        """Work by these settings from now on; only live keys differ. Must not fail."""


class IBusListener(Interface):
    """What a bus tells; all calls come from the reactor's thread."""

    def delivered(delivery: Delivery) -> None:
        """A message came. Whatever happens, the bus takes it as done when this returns."""

    def events_lost(why: str) -> None:
        """The bus is up, and events were dropped on the way here; nobody knows which.

        What is delivered after this call was published after all that was dropped.
        """

    def bus_lost(why: str) -> None:
        """The bus was up and is not any more. What is published until it is back does not come."""

    def bus_back() -> None:
        """The bus is up, everything is declared and bound; also the first time."""

    def bus_failed(why: str) -> None:
        """It was tried to come up, the first time or after a loss, and did not; it is tried again."""


class IBus(Interface):
    """Where events come from. Also an IService; after stopService nothing is delivered.

    It reconnects by itself, for ever, and then declares and binds everything again.
    """

    settings: type = Attribute("attrs class of the `bus:` section, a subclass of settings.Bus.")
    up: bool = Attribute("Connected, declared and bound.")
    private: bool = Attribute("Nobody else publishes on it, so that the page may.")

    def create(settings: Any, reactor: Any) -> IBus:
        """Class method: a bus with these settings; `reactor` has time and TCP."""

    def attach(listener: IBusListener, exchanges: Sequence[Exchange], bindings: Sequence[Binding]) -> None:
        """Say who listens and what is always needed; once, before startService."""

    def bind(binding: Binding) -> Deferred[None]:
        """Bind the gateway's queue; fires when live, fails with BusError. Each is bound once."""

    def unbind(binding: Binding) -> Deferred[None]:
        """Undo `bind`; fires when done, or when the bus is down anyway."""

    def publish(
        exchange: str,
        key: str,
        headers: Mapping[str, Any],
        body: bytes,
    ) -> Deferred[None]:
        """Publish; fires when the bus has taken it over, fails with BusError."""
