"""What a worker process runs: `python -m wsevents.workers.main NUMBER REACTOR`.

The supervisor starts it, and gives it all that it needs: on standard input what it is to know, as
descriptor 3 its end of the channel, as 4 and 5 the link. It says what it has to say on standard
output, a line each.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger, globalLogBeginner

from wsevents.assembly import Assembly
from wsevents.entrance.ports import check_again
from wsevents.errors import WseventsError
from wsevents.kernel import MORE_FILES
from wsevents.lifecycle.ending import ending
from wsevents.lifecycle.signals import heed, ignore
from wsevents.log.journal import Journal
from wsevents.log.threshold import THRESHOLD
from wsevents.plugins import Plugins
from wsevents.workers.brief import Word
from wsevents.workers.channel import Channel
from wsevents.workers.inlet import Inlets
from wsevents.workers.link import FROM_WORKER, TO_WORKER, Link
from wsevents.workers.logline import encode
from wsevents.workers.worker import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsevents.log.line import LogLine
    from wsevents.settings import Config
    from wsevents.workers.brief import Brief

FORSAKEN_SECONDS = 20
"""How long a worker goes on at most once its supervisor is gone."""

_log = Logger(__spec__.name)  # not __main__


def main() -> None:
    """Serve until told to end, or until the supervisor is gone. Raises SystemExit: it cannot."""
    import_module(sys.argv[2]).install()
    brief: Brief = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 our own supervisor wrote it
    THRESHOLD.set(brief.config.log.level)
    journal = Journal(_tell)
    globalLogBeginner.beginLoggingTo([journal])
    from twisted.internet import reactor  # noqa: PLC0415 it was only just installed

    journal.attend(reactor)
    try:
        Work(reactor, brief, socket.socket(fileno=CHANNEL)).start()
    except WseventsError as error:
        raise ending(error) from None
    reactor.callWhenRunning(gc.freeze)  # as `tap.makeService` has it
    reactor.run()


def _tell(line: LogLine) -> None:
    """Pass a line of the log on to the supervisor; when that is gone, nobody is there to hear it."""
    rest = encode(line)
    with suppress(OSError):
        while rest:
            rest = rest[os.write(1, rest) :]


class Work:
    """The gateway of a worker, and its end of the channel.

    Args:
        reactor: not yet running.
        brief: what it is to know.
        end: of the channel.

    Raises:
        ConfigurationError: a file that the configuration names cannot be used any more.
    """

    def __init__(self, reactor: Any, brief: Brief, end: socket.socket) -> None:
        for number, (listener, place) in enumerate(zip(brief.config.listen, brief.places, strict=True)):
            if not place.bare:
                check_again(listener.endpoint, f"listen[{number}]")
        self._put: Callable[[], None] = lambda: None
        self._reactor = reactor
        self._inlets = Inlets(reactor, brief.places)
        self._channel = Channel(reactor, end, self._heard, self._forsaken)
        assembly = self._assembly = Assembly(reactor, brief.config, Plugins())
        self._gateway = assembly.gateway(listening=self._inlets, watch=self._watch)
        self._attendant = assembly.attendant

    def start(self) -> None:
        """Start the gateway, let it be asked, and say when it is under way.

        Raises:
            SystemExit: it cannot be started.
        """
        self._gateway.privilegedStartService()
        self._gateway.startService()
        link = Link(self._reactor, self._answers())
        StandardIO(link, TO_WORKER, FROM_WORKER, self._reactor)  # type: ignore[call-arg]  # mypy sees Windows'
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._reactor.callWhenRunning(self._running)

    def _answers(self) -> dict[str, Callable[[Any], Any]]:
        """Return what the supervisor may ask: each a question and what answers it."""
        return {
            **self._attendant.answers(),
            "condition": lambda _: self._gateway.condition(),
            "prepare": self._prepare,
            "renew": lambda _: self._put(),
            "hurry": lambda _: self._gateway.hurry(),
        }

    def _prepare(self, config: Config) -> None:
        """Get ready for a configuration, without any change yet. Raises ConfigurationError."""
        self._put = self._assembly.renewal(config)

    def _running(self) -> None:
        # Both systemd and the supervisor send a SIGTERM: the second is the first. It is by the link that the
        # supervisor says that it is in a hurry, and that there is another configuration.
        heed(self._reactor, dict.fromkeys((signal.SIGTERM, signal.SIGINT), lambda _: self._end()))
        ignore(signal.SIGHUP)
        self._channel.say(Word.READY)

    def _end(self) -> None:
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def _stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._leave())

    async def _leave(self) -> None:
        """Stop in order, and be given nobody meanwhile."""
        self._channel.say(Word.LEAVING)
        try:
            await self._gateway.stopService()
        finally:
            self._channel.close()

    def _watch(self, up: bool) -> None:
        self._channel.say(Word.BUS_UP if up else Word.BUS_LOST)

    def _heard(self, message: bytes, carried: int | None) -> None:
        """Take a connection in."""
        if carried is None:
            _log.error(
                "a connection was lost, as this worker has too many open files; {remedy}", remedy=MORE_FILES
            )
            self._left()
            return
        try:
            self._inlets.inlets[int(message)].take(carried, self._left)
        except OSError:  # the peer was faster to go than it was passed on
            self._left()

    def _left(self) -> None:
        self._channel.say(Word.LEFT)

    def _forsaken(self) -> None:
        """End as well: whoever starts wsevents again finds nothing of it left."""
        signal.alarm(FORSAKEN_SECONDS)  # whatever happens: its default action ends the process
        _log.warn("the supervisor is gone")
        self._gateway.hurry()
        self._end()


if __name__ == "__main__":
    main()
