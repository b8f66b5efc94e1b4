"""The master tenant: the tenant of the gateway's own service token."""

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
"""Requested lifetime of a service token, in seconds."""

_RENEWAL = 0.85 * EXPIRATION
_FIRST_RETRY, _LAST_RETRY = 1.0, 32.0


class MasterTenant(Service):
    """Keeps a valid service token; the tenant of this token is the master tenant.

    A failed renewal does not change the known tenant.

    Attributes:
        tenant: uuid of the master tenant; None until the first service token.
    """

    tenant: str | None = None
    _log = Logger()

    def __init__(self, fetch: Callable[[], Deferred[str]], clock: Any, changed: Callable[[], None]) -> None:
        """Store the callbacks; `startService` sends the first request.

        Args:
            fetch: creates a service token and returns its tenant. It fails with WseventsError, whose text
                gives the reason and, if known, the remedy.
            clock: IReactorTime.
            changed: called after each change of `tenant`; must not raise.
        """
        self._fetch = fetch
        self._clock = clock
        self._changed = changed
        self._failing = False
        self._retry = _FIRST_RETRY
        self._request: Deferred[None] | None = None
        self._next: IDelayedCall | None = None

    def startService(self) -> None:
        """Fetch a service token, and retry and renew until `stopService`."""
        super().startService()
        self._retry = _FIRST_RETRY
        self._fetch_token()

    def stopService(self) -> None:
        """Stop at once; cancel a pending request."""
        super().stopService()
        request, self._request = self._request, None
        timer, self._next = self._next, None
        if timer is not None:
            timer.cancel()
        if request is not None:
            request.cancel()

    def _fetch_token(self) -> None:
        self._next = None
        self._request = self._fetch().addCallbacks(self._fetched, self._failed)

    def _fetched(self, tenant: str) -> None:
        # The timer first: `changed` may call stopService, which must find it.
        self._retry = _FIRST_RETRY
        self._next = self._clock.callLater(_RENEWAL, self._fetch_token)
        self._update(tenant)

    def _failed(self, failure: Failure) -> None:
        if not self.running:
            return
        self._next = self._clock.callLater(self._retry, self._fetch_token)
        self._retry = min(2 * self._retry, _LAST_RETRY)
        self._log_failure(
            str(failure.value) if failure.check(WseventsError) else type(failure.value).__name__
        )

    def _update(self, tenant: str) -> None:
        if self._failing or self.tenant is None:
            self._log.info("obtained a service token; the master tenant is {tenant}", tenant=tenant)
        self._failing = False
        if tenant != self.tenant:
            self.tenant = tenant
            self._changed()

    def _log_failure(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            self._log.error(
                "no service token: {why}; retrying, {meanwhile}",
                why=why,
                meanwhile="the master tenant is unchanged"
                if self.tenant
                else "until then no user has the rights of the master tenant",
            )
