"""How twistd is given our log: as what its application observes by, which is where it asks first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.logger import ILogObserver
from twisted.python.components import Componentized

from wsevents.api.errors import WseventsError
from wsevents.logs.level import LEVEL
from wsevents.logs.observer import LogObserver
from wsevents.logs.sinks import make_sink
from wsevents.system.exit_status import exit_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.application.service import Service

    from wsevents.api.settings import Log


class TwistdLog(MultiService):
    """A service, in an application that logs as the configuration says.

    Args:
        service: the only one in it.
        settings: of the log.
        twistd: the options of twistd. Where it is told to log, it is logged; an observer that is named
            there (`--logger`) is used instead of ours.
        reactor: while it runs, what is repeated is folded.
    """

    def __init__(self, service: Service, settings: Log, twistd: Mapping[str, Any], reactor: Any) -> None:
        super().__init__()
        self._settings, self._twistd, self._reactor = settings, twistd, reactor
        LEVEL.set(settings.level)
        service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Enter the application. Raises SystemExit: its log cannot be written."""
        if isinstance(parent, Componentized) and not self._twistd.get("logger"):
            parent.setComponent(ILogObserver, self._observer())
        super().setServiceParent(parent)

    def _observer(self) -> LogObserver:
        try:
            journal = LogObserver(make_sink(self._twistd, self._settings.format, os.environ))
        except WseventsError as error:
            raise exit_status(error) from None
        journal.attend(self._reactor)
        return journal
