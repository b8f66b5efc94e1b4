"""Signals of the operating system, as calls in the reactor's thread.

Twisted's own handlers stop the reactor once and fail the second time; these take their place.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def handle_signals(reactor: Any, calls: Mapping[signal.Signals, Callable[[signal.Signals], None]]) -> None:
    """Have each signal call what it stands for, with itself, from now on; also one that was held back.

    To be said once the reactor runs, or it takes them for itself.
    """

    def called(number: int, _: Any) -> None:
        which = signal.Signals(number)
        reactor.callFromThread(calls[which], which)

    for number in calls:
        signal.signal(number, called)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, calls)


def hold(*numbers: signal.Signals) -> None:
    """Have these signals wait until they are heeded."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def ignore(*numbers: signal.Signals) -> None:
    """Have these signals do nothing."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
