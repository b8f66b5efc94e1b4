"""What a service manager deals with: signals come in here, and notices go out to systemd.

SIGTERM and SIGINT stop in order, the second of them at once; SIGHUP has the configuration read again.
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

START_SECONDS = 0.1
"""How often it looks whether it is ready."""
STATUS_SECONDS = 3.0
"""How often it looks at most whether the status is another."""
LAST_SECONDS = 8.0
"""How long stopping may take at most once it is to be at once."""


class Managed(Protocol):
    """What runs in it: a gateway, or the supervisor of several."""

    @property
    def stop_seconds(self) -> float:
        """How long it may take to stop in order."""

    def health(self) -> Health:
        """How it is."""

    def responsive(self) -> bool:
        """Whether it is as alive as the reactor that this is called by."""

    def hurry(self) -> None:
        """Stop at once: also said just before it is to stop."""


class MainService(Service):
    """The service that twistd runs.

    Args:
        reactor: time; and what is to be stopped.
        service: what it starts and stops.
        main: what that is about.
        notifier: of this process.
        reload: what SIGHUP does; None: what it does anyway.
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
        """Listen. Raises SystemExit: it cannot."""
        self._service.privilegedStartService()

    def startService(self) -> None:
        """Start; and take the signals once the reactor has taken them."""
        super().startService()
        self._service.startService()
        self._reactor.callWhenRunning(self._running)

    def _running(self) -> None:
        calls: dict[Signals, Callable[[Signals], None]] = {
            Signals.SIGTERM: self._stop,
            Signals.SIGINT: self._stop,
        }
        if self._reload is not None:
            calls[Signals.SIGHUP] = self._renew
        handle_signals(self._reactor, calls)
        if self._notifier.address:
            self._look()
        if self._notifier.watchdog:
            self._watch()

    def _later(self, name: str, seconds: float, call: Any) -> None:
        self._calls[name] = self._reactor.callLater(seconds, call)

    # -- notices ------------------------------------------------------------------------------

    def _look(self) -> None:
        """Say when it is ready, and how it is when that is something new."""
        self._later("look", STATUS_SECONDS if self._ready else START_SECONDS, self._look)
        health = self._main.health()
        if not self._ready and health.tried:
            self._ready = True
            self._notifier.ready()
        if self._ready and health.text != self._status:
            self._status = health.text
            self._notifier.status(health.text)

    def _watch(self) -> None:
        """Say that it does not hang, twice as often as systemd wants to hear it."""
        self._later("watch", self._notifier.watchdog / 2, self._watch)
        if self._main.responsive():
            self._notifier.alive()

    # -- signals ------------------------------------------------------------------------------

    def _renew(self, _: Signals) -> None:
        if self._reload is None or self._stopping:
            return
        if self._ready:
            self._notifier.reloading()
        self._reload.begin().addCallback(self._renewed)

    def _renewed(self, _: None) -> None:
        if self._ready and not self._stopping:
            self._notifier.ready()

    def _stop(self, number: Signals) -> None:
        """The first time stop, the second time hurry; and what hangs even then is left behind."""
        if not self._stopping:
            self._log.info("told to stop by {name}", name=number.name)
            self._stopping = True
            with suppress(ReactorNotRunning):
                self._reactor.stop()
        elif "last" not in self._calls:
            self._log.info("told by {name} to stop at once", name=number.name)
            self._later("last", LAST_SECONDS, self._over)
            self._main.hurry()

    def stopService(self) -> Deferred[None]:
        """Stop in order; fires when that is done, or when it is too long after somebody was in a hurry."""
        self._stopping = True
        self._notifier.stopping(self._main.stop_seconds)
        super().stopService()
        maybeDeferred(self._service.stopService).addErrback(self._failed).addCallback(self._over)
        return self._stopped

    def _failed(self, failure: Any) -> None:
        self._log.failure("it could not be stopped in order", failure)

    def _over(self, _: object = None) -> None:
        for call in self._calls.values():
            if call.active():
                call.cancel()
        if not self._stopped.called:
            self._stopped.callback(None)
