"""The conversation with one iSymphony peer.

Rule 1: everything that decides what such a session does next is here.
Rule 2: nothing here knows of sockets, clocks or brokers; facts come in, effects go out.

Address, then credentials are looked at before the upgrade. From then on all events that the account may
see are sent, until the peer sends filters, which replace those before. A mistake changes nothing.
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
from wsevents.dialects.isymphony.basic import CHALLENGE, offered
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
"""Too many passwords wait for being looked at."""


def encoded(fields: Mapping[str, Any]) -> str:
    """Return a message as it travels: JSON in ASCII, its keys sorted."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)


def success(correlation: Any, now: float) -> Send:
    """Return the reply to filters that are in force."""
    return Send(encoded({"type": "success", "time": int(now * 1000), "correlationId": correlation}))


def failure(mistake: FilterCommandError, now: float) -> Send:
    """Return the reply to a message that changed nothing."""
    fields = {"type": "error", "time": int(now * 1000), "correlationId": mistake.correlation}
    return Send(encoded({**fields, "error": str(mistake)}))


@implementer(ISession)
@define(eq=False)
class IsymphonySession(BaseSession):
    """One peer's state."""

    request: Request
    allowance: Networks
    identity: Identity | None = None
    _open: bool = False
    _bus_up: bool = True

    def requested(self, now: float) -> Sequence[Effect]:
        """Check the address, then ask whose the credentials are."""
        request = self.request
        if not self.allowance.covers(request.address):
            return (FORBIDDEN,)
        credentials = offered(request.headers.get("authorization"), request.address)
        return (UNAUTHORIZED,) if credentials is None else (Ask(1, credentials),)

    def answered(self, id: int, answer: Answer, now: float) -> Sequence[Effect]:  # noqa: A002 as the interface has it
        """Let it in, or not."""
        if isinstance(answer, Identity):
            self.identity = answer
            return (Accept(),)
        return (UNAUTHORIZED,) if isinstance(answer, Denied) else (BUSY,)

    def opened(self, now: float) -> Sequence[Effect]:
        """Send everything that it may see."""
        self._open = True
        return (self._listen(EVERYTHING),) if self._bus_up else (Close(BUS_ERROR),)

    def received(self, message: str | bytes, now: float) -> Sequence[Effect]:
        """Set the filters, or say what is wrong with them; the reply comes before any event of theirs."""
        try:
            command = decode(message)
        except FilterCommandError as mistake:
            return (failure(mistake, now),)
        return (success(command.correlation, now), self._listen(command.filters))

    def _listen(self, filters: Filters) -> Subscribe:
        assert self.identity is not None  # noqa: S101 nobody is let in unknown
        return Subscribe(frozenset({interest(self.identity, filters)}))

    def bus_lost(self, now: float) -> Sequence[Effect]:
        """End the session; one that is not open yet hears of it when it is."""
        self._bus_up = False
        return (Close(BUS_LOST),) if self._open else ()

    def bus_back(self, now: float) -> Sequence[Effect]:
        """A session that is not open yet will find the bus up."""
        self._bus_up = True
        return ()
