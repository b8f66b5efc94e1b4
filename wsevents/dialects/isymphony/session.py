"""The session of one iSymphony peer: a state machine without I/O. Facts go in, effects come out.

Before the upgrade the session checks the address, then the credentials. After it, the peer gets all events
that its account may see. The command `filter` replaces the filters. An invalid message changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define
from zope.interface import implementer

from wsevents.api.close_reasons import BUS_ERROR, BUS_LOST
from wsevents.api.effects import Accept, Ask, Close, Respond, Send, Subscribe
from wsevents.api.identity import Denied, Identity
from wsevents.api.interfaces import ISession
from wsevents.api.session import BaseSession
from wsevents.dialects.isymphony.basic import CHALLENGE, credentials_in
from wsevents.dialects.isymphony.command import FilterCommandError, decode
from wsevents.dialects.isymphony.filters import EVERYTHING
from wsevents.dialects.isymphony.interest import interest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsevents.api.effects import Effect
    from wsevents.api.identity import Answer
    from wsevents.api.networks import Networks
    from wsevents.api.requests import Request
    from wsevents.dialects.isymphony.filters import Filters

FORBIDDEN = Respond(403)
UNAUTHORIZED = Respond(401, (CHALLENGE,))
BUSY = Respond(503, (("Retry-After", "1"),))
"""Too many passwords are waiting to be checked."""


def encoded(fields: Mapping[str, Any]) -> str:
    """Return the JSON text of a message, in ASCII with sorted keys."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)


def success(correlation: Any, now: float) -> Send:
    """Return the reply to a command `filter`."""
    return Send(encoded({"type": "success", "time": int(now * 1000), "correlationId": correlation}))


def failure(error: FilterCommandError, now: float) -> Send:
    """Return the reply to an invalid message."""
    fields = {"type": "error", "time": int(now * 1000), "correlationId": error.correlation}
    return Send(encoded({**fields, "error": str(error)}))


@implementer(ISession)
@define(eq=False)
class IsymphonySession(BaseSession):
    """The state of one peer.

    Attributes:
        request: the HTTP request of the peer.
        networks: the networks from which clients may connect.
        identity: of the credentials; None until the authority has confirmed it.
    """

    request: Request
    networks: Networks
    identity: Identity | None = None
    _open: bool = False
    _bus_up: bool = True

    def requested(self, now: float) -> Sequence[Effect]:
        """Check the address, then ask the authority about the credentials."""
        request = self.request
        if not self.networks.covers(request.address):
            return (FORBIDDEN,)
        credentials = credentials_in(request.headers.get("authorization"), request.address)
        return (UNAUTHORIZED,) if credentials is None else (Ask(1, credentials),)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Accept the request, or respond with 401 (wrong) or 503 (could not be checked)."""
        if isinstance(answer, Identity):
            self.identity = answer
            return (Accept(),)
        return (UNAUTHORIZED,) if isinstance(answer, Denied) else (BUSY,)

    def opened(self, now: float) -> Sequence[Effect]:
        """Subscribe the peer to all events that its account may see."""
        self._open = True
        return (self._subscription(EVERYTHING),) if self._bus_up else (Close(BUS_ERROR),)

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Replace the filters, or reply with an error. The reply precedes all events of the new filters."""
        try:
            command = decode(message)
        except FilterCommandError as error:
            return (failure(error, now),)
        return (success(command.correlation, now), self._subscription(command.filters))

    def _subscription(self, filters: Filters) -> Subscribe:
        assert self.identity is not None  # noqa: S101 only an identity is accepted
        return Subscribe(frozenset({interest(self.identity, filters)}))

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """Close the session, or, if it is not open yet, when it opens."""
        self._bus_up = False
        return (Close(BUS_LOST),) if self._open else ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        self._bus_up = True
        return ()
