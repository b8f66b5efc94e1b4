"""Where the lines of the log go: standard output, systemd's journal, a file or syslog."""

from __future__ import annotations

import os
import signal
import sys
import syslog
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.logger import formatTime
from twisted.python.logfile import LogFile

from wsevents.api.errors import StartError
from wsevents.logs.record import PRIORITY, LogLine, as_json, as_text
from wsevents.system.systemd import is_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Form = Callable[[LogLine], str]


def for_people(line: LogLine) -> str:
    """Return a line with its time."""
    return f"{formatTime(line.time)} {as_text(line)}"


FORMS: Mapping[str, Form] = {"text": for_people, "json": as_json}
"""How a line looks, by `log.format`."""

TIMELESS: Mapping[str, Form] = {**FORMS, "text": as_text}
"""The same for who notes the time himself."""


def prefixed(form: Form) -> Form:
    """Return a form in which each line begins with its priority, as systemd wants it (sd-daemon(3))."""

    def priority(line: LogLine) -> str:
        mark = f"<{PRIORITY[line.level]}>"
        return "\n".join(mark + one for one in form(line).split("\n"))

    return priority


@define(eq=False)
class Sink:
    """Writes lines. One that cannot be written is lost, and the next that can is told how many were.

    Attributes:
        form: how a line looks, without its newline.
        put: writes some text; may raise OSError.
    """

    form: Form
    put: Callable[[str, LogLine], None]
    _lost: int = field(init=False, default=0)
    _why: str = field(init=False, default="")

    def __call__(self, line: LogLine) -> None:
        """Write a line."""
        try:
            if self._lost:
                text = f"{self._lost} lines of the log could not be written: {self._why}"
                self._put(LogLine(line.time, "error", __name__, text, {"lost": self._lost}))
                self._lost = 0
            self._put(line)
        except OSError as error:
            self._lost, self._why = self._lost + 1, error.strerror or str(error)

    def _put(self, line: LogLine) -> None:
        self.put(self.form(line), line)


def make_sink(twistd: Mapping[str, Any], form: str, environ: Mapping[str, str]) -> Sink:
    """Return what writes where the options of twistd say, as twistd itself would.

    Raises:
        StartError: the file of `--logfile` cannot be written to.
    """
    if twistd["syslog"]:
        return to_syslog(twistd["prefix"], form)
    name = twistd["logfile"] or ("-" if twistd["nodaemon"] else "twistd.log")
    if name != "-":
        return to_file(_rotating(name), form)
    return to_descriptor(_descriptor(), form, environ)


def _descriptor() -> int:
    """Return that of standard output; if it is closed, its number may be anybody's."""
    return os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else sys.stdout.fileno()


def _rotating(name: str) -> LogFile:
    """Return a file that begins anew when it is large, or at SIGUSR1. Raises StartError."""
    try:
        file: LogFile = LogFile.fromFullPath(name)
    except OSError as error:
        raise StartError(f"--logfile {name} cannot be written to: {error.strerror}") from None

    def rotate(*_: object) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 importing it installs it

        reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]

    signal.signal(signal.SIGUSR1, rotate)
    return file


def to_descriptor(descriptor: int, form: str, environ: Mapping[str, str]) -> Sink:
    """Return what writes to standard output, or wherever that leads."""
    if is_journal(descriptor, environ):
        return Sink(prefixed(TIMELESS[form]), _to(descriptor))
    return Sink(FORMS[form], _to(descriptor))


def _to(descriptor: int) -> Callable[[str, LogLine], None]:
    def put(text: str, _line: LogLine) -> None:
        rest = _bytes(text)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return put


def to_file(file: Any, form: str) -> Sink:
    """Return what writes to a `twisted.python.logfile.LogFile`."""
    return Sink(FORMS[form], lambda text, _line: file.write(_bytes(text).decode()))


def to_syslog(prefix: str, form: str) -> Sink:
    """Return what writes to syslog, as `prefix`."""
    syslog.openlog(prefix, syslog.LOG_PID, syslog.LOG_DAEMON)

    def put(text: str, line: LogLine) -> None:
        for one in text.split("\n"):
            syslog.syslog(PRIORITY[line.level], _bytes(one).decode().rstrip("\n"))

    return Sink(TIMELESS[form], put)


def _bytes(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace")
