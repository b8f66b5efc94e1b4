"""The messages between supervisor and worker: the startup message, and the worker's control messages."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from wsevents.api.settings import Config


class ControlMessage(bytes, Enum):
    """A message from a worker to the supervisor, over the channel.

    READY: the worker takes connections. BUS_UP, BUS_LOST: its connection to the bus has changed.
    CONNECTION_CLOSED: one of its connections is closed. STOPPING: it takes no further connections.
    """

    READY = b"ready"
    BUS_UP = b"bus up"
    BUS_LOST = b"bus lost"
    CONNECTION_CLOSED = b"closed"
    STOPPING = b"stopping"


@frozen
class ListenerAddress:
    """A listener that the workers share.

    Attributes:
        address: the address on which the supervisor listens.
        plain: True if the worker connects the factory directly; False if the endpoint string adds TLS.
    """

    address: Any
    plain: bool


@frozen
class StartupMessage:
    """Everything that a worker gets from the supervisor; a worker reads no configuration file.

    Attributes:
        config: the supervisor's checked configuration; it has secrets, so `repr` omits it.
        addresses: of the listeners, in the order of `config.listen`.
    """

    config: Config = field(repr=False)
    addresses: tuple[ListenerAddress, ...]
