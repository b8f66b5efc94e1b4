"""Twisted for the time of one command."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def react(work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """Run `work(reactor)` to its end, and return what it returns.

    Raises:
        KeyboardInterrupt: Ctrl-C came first.
        Exception: what the work raises.
    """
    from twisted.internet import reactor

    results: list[Any] = []
    interrupted: list[bool] = []

    def begin() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # it ends this command as it does any other
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
