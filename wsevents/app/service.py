"""The service that the service manager controls: receives signals and sends notices to systemd.

SIGTERM and SIGINT stop in order, a second one at once. SIGHUP reloads the configuration.
"""

from __future__ import annotations

from contextlib import suppress
from signal import Signals
from typing import TYPE_CHECKING, Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from wsevents.system.signals import handle_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.app.health import Health
    from wsevents.app.reload import Reload
    from wsevents.system.systemd import Notifier

READY_POLL_SECONDS = 0.1
"""How often readiness is checked."""
STATUS_SECONDS = 3.0
"""How often the status is checked."""
FORCED_STOP_SECONDS = 8.0
"""How long the shutdown may take after a second signal."""


class Managed(Protocol):
    """What `MainService` runs: a gateway, or a supervisor of workers."""

    @property
    def stop_seconds(self) -> float:
        """How long an orderly shutdown may take."""

    def health(self) -> Health:
        """Return the current health."""

    def responsive(self) -> bool:
        """Return whether all processes respond; the caller's reactor does."""

    def stop_now(self) -> None:
        """Shorten the shutdown; may be called just before it begins."""


class MainService(Service):
    """The service that twistd runs.

    Args:
        reactor: time, and stopped by signals.
        service: the service to start and stop.
        main: the gateway or supervisor in it.
        notifier: sends notices to systemd.
        reload: the action of SIGHUP; None: SIGHUP keeps its default action.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        service: Any,
        main: Managed,
        notifier: Notifier,
        reload: Reload | None = None,
    ) -> None:
        self._reactor, self._main, self._notifier, self._reload = reactor, main, notifier, reload
        self._service = service
        self._ready = self._stopping = False
        self._status = ""
        self._stopped: Deferred[None] = Deferred()
        self._calls: dict[str, Any] = {}

    def privilegedStartService(self) -> None:
        """Open the ports. Raises SystemExit: a port cannot be opened."""
        self._service.privilegedStartService()

    def startService(self) -> None:
        """Start; handle signals once the reactor has installed its own handlers."""
        super().startService()
        self._service.startService()
        self._reactor.callWhenRunning(self._running)

    def _running(self) -> None:
        calls: dict[Signals, Callable[[Signals], None]] = {
            Signals.SIGTERM: self._stop,
            Signals.SIGINT: self._stop,
        }
        if self._reload is not None:
            calls[Signals.SIGHUP] = self._reload_config
        handle_signals(self._reactor, calls)
        if self._notifier.address:
            self._update_status()
        if self._notifier.watchdog:
            self._feed_watchdog()

    def _schedule(self, name: str, seconds: float, call: Any) -> None:
        self._calls[name] = self._reactor.callLater(seconds, call)

    # -- notices ------------------------------------------------------------------------------

    def _update_status(self) -> None:
        """Send the notices READY, once, and STATUS, when the health has changed."""
        self._schedule("status", STATUS_SECONDS if self._ready else READY_POLL_SECONDS, self._update_status)
        health = self._main.health()
        if not self._ready and health.bus_attempted:
            self._ready = True
            self._notifier.ready()
        if self._ready and health.text != self._status:
            self._status = health.text
            self._notifier.status(health.text)

    def _feed_watchdog(self) -> None:
        """Send a watchdog notice, twice per interval of systemd."""
        self._schedule("watchdog", self._notifier.watchdog / 2, self._feed_watchdog)
        if self._main.responsive():
            self._notifier.alive()

    # -- signals ------------------------------------------------------------------------------

    def _reload_config(self, _: Signals) -> None:
        if self._reload is None or self._stopping:
            return
        if self._ready:
            self._notifier.reloading()
        self._reload.begin().addCallback(self._reload_done)

    def _reload_done(self, _: None) -> None:
        if self._ready and not self._stopping:
            self._notifier.ready()

    def _stop(self, number: Signals) -> None:
        """Stop at the first signal. At the second, limit the shutdown to FORCED_STOP_SECONDS."""
        if not self._stopping:
            self._log.info("stopping: received {name}", name=number.name)
            self._stopping = True
            with suppress(ReactorNotRunning):
                self._reactor.stop()
        elif "forced stop" not in self._calls:
            self._log.info("stopping at once: received {name}", name=number.name)
            self._schedule("forced stop", FORCED_STOP_SECONDS, self._finish)
            self._main.stop_now()

    def stopService(self) -> Deferred[None]:
        """Stop in order. Fires when done, or FORCED_STOP_SECONDS after a second signal."""
        self._stopping = True
        self._notifier.stopping(self._main.stop_seconds)
        super().stopService()
        maybeDeferred(self._service.stopService).addErrback(self._log_failure).addCallback(self._finish)
        return self._stopped

    def _log_failure(self, failure: Any) -> None:
        self._log.failure("shutdown failed", failure)

    def _finish(self, _: object = None) -> None:
        for call in self._calls.values():
            if call.active():
                call.cancel()
        if not self._stopped.called:
            self._stopped.callback(None)
