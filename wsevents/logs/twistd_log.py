"""Install the log of wsevents in twistd.

twistd uses the `ILogObserver` component of its application, if there is one, instead of its own observer.
"""

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
    """A service that sets the log observer of the application that it is added to.

    Args:
        service: the only child.
        settings: the `log:` section.
        twistd: the options of twistd. They select the output of the log; `--logger` replaces the observer.
        reactor: lines are deduplicated while it runs.
    """

    def __init__(self, service: Service, settings: Log, twistd: Mapping[str, Any], reactor: Any) -> None:
        super().__init__()
        self._settings, self._twistd, self._reactor = settings, twistd, reactor
        LEVEL.set(settings.level)
        service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Join the application and set its observer. Raises SystemExit if the log cannot be written."""
        if isinstance(parent, Componentized) and not self._twistd.get("logger"):
            parent.setComponent(ILogObserver, self._observer())
        super().setServiceParent(parent)

    def _observer(self) -> LogObserver:
        try:
            observer = LogObserver(make_sink(self._twistd, self._settings.format, os.environ))
        except WseventsError as error:
            raise exit_status(error) from None
        observer.attach(self._reactor)
        return observer
