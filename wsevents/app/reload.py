"""Reading the configuration again, and putting it in force: all of what can change, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsevents.api.errors import ConfigurationError
from wsevents.app.config_diff import config_diff
from wsevents.logs.redaction import safe_location

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wsevents.api.settings import Config

_log = Logger()


@define(eq=False)
class Reload:
    """One at a time.

    What it logs is said each time (`folded`), also if it was said a moment ago: somebody has asked again.

    Attributes:
        config: what is in force.
        read: returns what the files say now, with all checks of the start; raises ConfigurationError.
        put: puts a configuration in force, and reads certificates again; raises ConfigurationError, and
            has changed nothing then.
    """

    config: Config
    read: Callable[[], Config]
    commit: Callable[[Config], Awaitable[None]]
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    def begin(self) -> Deferred[None]:
        """Do it after those that were begun before; fires when it is done or has failed. Never fails."""
        done: Deferred[None] = self._lock.run(self._once)
        return done

    def _once(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._reload())

    async def _reload(self) -> None:
        try:
            new = config_diff(self.config, self.read())
            await self.commit(new.config)
        except ConfigurationError as error:
            self._keep(*error.problems)
        except Exception:  # noqa: BLE001 a mistake must not end what runs
            self._keep(f"failed: {safe_location(Failure())}")
        else:
            self.config = new.config
            for key in new.kept:
                _log.warn("reload: {key} needs a restart to change", key=key, folded=True)
            changed = ", ".join(new.changed) or "nothing else"
            _log.info("reload: done; certificates were read again, and changed: {changed}", changed=changed)

    def _keep(self, *problems: str) -> None:
        for problem in problems:
            _log.error("reload: {problem}", problem=problem, folded=True)
        _log.info("reload: everything stays as it was")
