"""Runs the reactor for the duration of one command."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def react(work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine `work(reactor)` in the reactor and return its result.

    Raises:
        KeyboardInterrupt: Ctrl-C interrupted it.
        Exception: the exception of the coroutine.
    """
    from twisted.internet import reactor

    results: list[Any] = []
    interrupted: list[bool] = []

    def begin() -> None:
        signal.signal(
            signal.SIGTERM, signal.SIG_DFL
        )  # ends the process at once, without the reactor's shutdown
        reactor.addSystemEventTrigger("before", "shutdown", lambda: interrupted.append(not results))
        done = Deferred.fromCoroutine(_run(work, reactor)).addBoth(results.append)
        done.addBoth(lambda _: None if interrupted else reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if interrupted[0]:
        raise KeyboardInterrupt
    if isinstance(results[0], Failure):
        results[0].raiseException()
    result: T = results[0]
    return result


async def _run(work: Callable[[Any], Coroutine[Any, Any, T]], reactor: Any) -> T:
    return await work(reactor)
