"""Reload of the configuration: either every change that can be applied, or none."""

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
    """Reloads the configuration, one reload at a time.

    Its log lines bypass deduplication (`folded`): the operator expects an answer to each reload.

    Attributes:
        config: the current configuration.
        read: reads and checks the files as at the start; raises ConfigurationError.
        commit: applies a configuration and reads certificates again; if it raises ConfigurationError,
            nothing has changed.
    """

    config: Config
    read: Callable[[], Config]
    commit: Callable[[Config], Awaitable[None]]
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    def begin(self) -> Deferred[None]:
        """Reload after the reloads before it. Fires when it has succeeded or failed; never fails."""
        done: Deferred[None] = self._lock.run(self._start)
        return done

    def _start(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._reload())

    async def _reload(self) -> None:
        try:
            new = config_diff(self.config, self.read())
            await self.commit(new.config)
        except ConfigurationError as error:
            self._log_rejected(*error.problems)
        except Exception:  # noqa: BLE001 a bug must not stop the gateway
            self._log_rejected(f"failed: {safe_location(Failure())}")
        else:
            self.config = new.config
            for key in new.kept:
                _log.warn("reload: {key} needs a restart to change", key=key, folded=True)
            changed = ", ".join(new.changed) or "none"
            _log.info("reload: done; certificates reloaded, changed keys: {changed}", changed=changed)

    def _log_rejected(self, *problems: str) -> None:
        for problem in problems:
            _log.error("reload: {problem}", problem=problem, folded=True)
        _log.info("reload: failed; the previous configuration stays in force")
