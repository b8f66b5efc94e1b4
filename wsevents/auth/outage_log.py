"""Log the start and the end of an authority's outage, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from twisted.logger import Logger

_QUIET_SECONDS = 60


@define(eq=False)
class OutageLog:
    """Logs the first failure of an authority, and the first success after it.

    If failures and successes alternate, it logs at most one failure in `_QUIET_SECONDS`.

    Attributes:
        name: name of the authority, for the log line.
        clock: IReactorTime.
        log: logger that gets the lines.
        remedy: appended to the line about a failure, with its own punctuation.
    """

    name: str
    clock: Any
    log: Logger
    remedy: str = ""
    _failing: bool = field(default=False, init=False)
    _logged_at: float | None = field(default=None, init=False)

    def failed(self, why: str) -> None:
        """Record that a request got no usable response."""
        now = self.clock.seconds()
        if self._failing or (self._logged_at is not None and now - self._logged_at < _QUIET_SECONDS):
            return
        self._failing, self._logged_at = True, now
        text = "{name} is unavailable: {why}{remedy}"
        self.log.warn(text, name=self.name, why=why, remedy=self.remedy)  # noqa: G010 the name in Twisted

    def succeeded(self) -> None:
        """Record that a request got a response."""
        if self._failing:
            self._failing = False
            self.log.info("{name} is available again", name=self.name)
