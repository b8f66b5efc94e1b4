"""The master tenant: the one that the gateway's own service token belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.logger import Logger

from wsevents.api.errors import WseventsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

EXPIRATION = 21600
"""Seconds that a service token is asked for."""

_RENEWAL = 0.85 * EXPIRATION
_FIRST_RETRY, _LAST_RETRY = 1.0, 32.0


class MasterTenant(Service):
    """Keeps a service token alive, because whose it is says which tenant is the master tenant.

    Once known, the tenant stays known while a renewal fails.
    """

    tenant: str | None = None
    _log = Logger()

    def __init__(self, fetch: Callable[[], Deferred[str]], clock: Any, changed: Callable[[], None]) -> None:
        """Prepare.

        Args:
            fetch: makes a service token and returns its tenant; fails with WseventsError, whose text says
                why and, where it can, what to do about it.
            clock: IReactorTime.
            changed: called when the tenant has become known or another one; does not raise.
        """
        self._fetch = fetch
        self._clock = clock
        self._changed = changed
        self._failing = False
        self._retry = _FIRST_RETRY
        self._request: Deferred[None] | None = None
        self._next: IDelayedCall | None = None

    def startService(self) -> None:
        """Fetch, retry and renew until stopped."""
        super().startService()
        self._retry = _FIRST_RETRY
        self._begin()

    def stopService(self) -> None:
        """Stop at once, even amid a request."""
        super().stopService()
        request, self._request = self._request, None
        following, self._next = self._next, None
        if following is not None:
            following.cancel()
        if request is not None:
            request.cancel()

    def _begin(self) -> None:
        self._next = None
        self._request = self._fetch().addCallbacks(self._had, self._failed)

    def _had(self, tenant: str) -> None:
        """Go on before telling anybody, who might stop this."""
        self._retry = _FIRST_RETRY
        self._next = self._clock.callLater(_RENEWAL, self._begin)
        self._learn(tenant)

    def _failed(self, failure: Failure) -> None:
        if not self.running:
            return
        self._next = self._clock.callLater(self._retry, self._begin)
        self._retry = min(2 * self._retry, _LAST_RETRY)
        self._complain(str(failure.value) if failure.check(WseventsError) else type(failure.value).__name__)

    def _learn(self, tenant: str) -> None:
        if self._failing or self.tenant is None:
            self._log.info("The gateway has its service token; the master tenant is {tenant}", tenant=tenant)
        self._failing = False
        if tenant != self.tenant:
            self.tenant = tenant
            self._changed()

    def _complain(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            self._log.error(
                "The gateway has no service token: {why}. It keeps trying; {meanwhile}",
                why=why,
                meanwhile="the master tenant stays as it was"
                if self.tenant
                else "until it has one, nobody is taken for a member of the master tenant",
            )
