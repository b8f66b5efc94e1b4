"""Signal handlers that run in the reactor's thread.

They replace Twisted's handlers, which stop the reactor at the first signal and fail at the second.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def handle_signals(reactor: Any, calls: Mapping[signal.Signals, Callable[[signal.Signals], None]]) -> None:
    """Install a handler per signal and unblock these signals; a handler receives the signal.

    Call it after the reactor has started; otherwise the reactor replaces the handlers by its own.
    """

    def handle(number: int, _: Any) -> None:
        received = signal.Signals(number)
        reactor.callFromThread(calls[received], received)

    for number in calls:
        signal.signal(number, handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, calls)


def hold(*numbers: signal.Signals) -> None:
    """Block these signals; a blocked signal stays pending until `handle_signals` unblocks it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def ignore(*numbers: signal.Signals) -> None:
    """Ignore these signals."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
