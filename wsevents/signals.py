"""What signals do to a process."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

_log = Logger()


def end_in_order(reactor: Any) -> None:
    """Have SIGTERM and SIGINT stop the reactor, once it runs, however often they come.

    Twisted's own handlers fail the second time, and have the process end by the signal in the end, as if
    it had not been asked politely; so its status is 0.
    """

    def stop(number: int) -> None:
        _log.info("told to stop by {name}", name=signal.Signals(number).name)
        with suppress(ReactorNotRunning):
            reactor.stop()

    def listen() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: reactor.callFromThread(stop, number))

    reactor.callWhenRunning(listen)
