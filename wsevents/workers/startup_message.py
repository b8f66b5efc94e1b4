"""What a worker is told, and what it says itself."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from wsevents.api.settings import Config


class ControlMessage(bytes, Enum):
    """What a worker says to the supervisor, each a message of its own.

    It is ready, hears the bus or not, has lost a connection, is about to end.
    """

    READY = b"ready"
    BUS_UP = b"bus up"
    BUS_LOST = b"bus lost"
    LEFT = b"left"
    LEAVING = b"leaving"


@frozen
class ListenerAddress:
    """One of the listeners that the workers share.

    Attributes:
        address: where the supervisor listens.
        bare: connections go to the factory as they are; else the worker has the endpoint string
            put TLS around it.
    """

    address: Any
    plain: bool


@frozen
class StartupMessage:
    """All that a worker is to know; it reads no configuration of its own.

    Attributes:
        config: that of the supervisor, checked; not to be shown.
        places: of its `listen`, in that order.
    """

    config: Config = field(repr=False)
    addresses: tuple[ListenerAddress, ...]
