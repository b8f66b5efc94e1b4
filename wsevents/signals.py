"""Signals of the operating system, as calls in the reactor's thread.

Twisted's own handlers stop the reactor once and fail the second time; these take their place.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def heed(reactor: Any, calls: Mapping[signal.Signals, Callable[[], None]]) -> None:
    """Have each signal call what it stands for, from now on; once the reactor runs, or it takes them back."""
    for number, call in calls.items():
        signal.signal(number, lambda *_, call=call: reactor.callFromThread(call))


def ignore(*numbers: signal.Signals) -> None:
    """Have these signals do nothing."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
