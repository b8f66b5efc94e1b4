"""Whether an authority answers, as an operator wants to read it: once when it stops, once when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from twisted.logger import Logger

_QUIET_SECONDS = 60


@define(eq=False)
class OutageLog:
    """Turns any number of failures and successes into few log lines.

    An authority that fails now and then is reported once a minute at most.

    Attributes:
        name: of the authority.
        clock: has the time.
        log: where it is told.
        remedy: is added to what is told of a failure.
    """

    name: str
    clock: Any
    log: Logger
    remedy: str = ""
    _failing: bool = field(default=False, init=False)
    _told: float | None = field(default=None, init=False)

    def failed(self, why: str) -> None:
        """Take note that a request got no usable answer."""
        now = self.clock.seconds()
        if self._failing or (self._told is not None and now - self._told < _QUIET_SECONDS):
            return
        self._failing, self._told = True, now
        text = "{name} cannot be asked about tokens: {why}{remedy}"
        self.log.warn(text, name=self.name, why=why, remedy=self.remedy)  # noqa: G010 its name in Twisted

    def worked(self) -> None:
        """Take note that a request got an answer."""
        if self._failing:
            self._failing = False
            self.log.info("{name} can be asked about tokens again", name=self.name)
