"""The outputs of the log: standard output, the systemd journal, a file, or syslog."""

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

    Formatter = Callable[[LogLine], str]


def as_text_with_time(line: LogLine) -> str:
    """Return the text format with the time in front."""
    return f"{formatTime(line.time)} {as_text(line)}"


FORMATTERS: Mapping[str, Formatter] = {"text": as_text_with_time, "json": as_json}
"""The formatter of each value of `log.format`."""

FORMATTERS_WITHOUT_TIME: Mapping[str, Formatter] = {**FORMATTERS, "text": as_text}
"""The formatters for the journal and syslog, which record the time themselves."""


def prefixed(formatter: Formatter) -> Formatter:
    """Return a formatter that begins each line with its priority, as the journal expects (sd-daemon(3))."""

    def with_priority(line: LogLine) -> str:
        prefix = f"<{PRIORITY[line.level]}>"
        return "\n".join(prefix + one for one in formatter(line).split("\n"))

    return with_priority


@define(eq=False)
class Sink:
    """Writes log lines.

    A line that cannot be written is discarded. The next successful write is preceded by a line with the
    number of discarded lines.

    Attributes:
        formatter: formats a line, without its newline.
        put: writes a formatted line; may raise OSError.
    """

    formatter: Formatter
    put: Callable[[str, LogLine], None]
    _lost: int = field(init=False, default=0)
    _reason: str = field(init=False, default="")

    def __call__(self, line: LogLine) -> None:
        try:
            if self._lost:
                text = f"{self._lost} log lines could not be written: {self._reason}"
                self._put(LogLine(line.time, "error", __name__, text, {"lost": self._lost}))
                self._lost = 0
            self._put(line)
        except OSError as error:
            self._lost, self._reason = self._lost + 1, error.strerror or str(error)

    def _put(self, line: LogLine) -> None:
        self.put(self.formatter(line), line)


def make_sink(twistd: Mapping[str, Any], log_format: str, environ: Mapping[str, str]) -> Sink:
    """Return a sink for the output that twistd's options select: `--syslog`, `--logfile` or standard output.

    Raises:
        StartError: the file of `--logfile` cannot be written to.
    """
    if twistd["syslog"]:
        return syslog_sink(twistd["prefix"], log_format)
    name = twistd["logfile"] or ("-" if twistd["nodaemon"] else "twistd.log")
    if name != "-":
        return file_sink(_log_file(name), log_format)
    return descriptor_sink(_stdout_descriptor(), log_format, environ)


def _stdout_descriptor() -> int:
    """Return the descriptor of standard output, or of /dev/null if standard output is closed.

    If it is closed, its number can belong to another file.
    """
    return os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else sys.stdout.fileno()


def _log_file(name: str) -> LogFile:
    """Return a log file that is rotated at a maximum size, and on SIGUSR1. Raises StartError."""
    try:
        file: LogFile = LogFile.fromFullPath(name)
    except OSError as error:
        raise StartError(f"--logfile {name} cannot be written to: {error.strerror}") from None

    def rotate(*_: object) -> None:
        from twisted.internet import reactor  # noqa: PLC0415 importing it installs it

        reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]

    signal.signal(signal.SIGUSR1, rotate)
    return file


def descriptor_sink(descriptor: int, log_format: str, environ: Mapping[str, str]) -> Sink:
    """Return a sink that writes to a descriptor, with priorities if it is connected to the journal."""
    if is_journal(descriptor, environ):
        return Sink(prefixed(FORMATTERS_WITHOUT_TIME[log_format]), _descriptor_writer(descriptor))
    return Sink(FORMATTERS[log_format], _descriptor_writer(descriptor))


def _descriptor_writer(descriptor: int) -> Callable[[str, LogLine], None]:
    def put(text: str, _line: LogLine) -> None:
        rest = _bytes(text)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return put


def file_sink(file: Any, log_format: str) -> Sink:
    """Return a sink that writes to a `twisted.python.logfile.LogFile`."""
    return Sink(FORMATTERS[log_format], lambda text, _line: file.write(_bytes(text).decode()))


def syslog_sink(prefix: str, log_format: str) -> Sink:
    """Return a sink that writes to syslog with this identifier."""
    syslog.openlog(prefix, syslog.LOG_PID, syslog.LOG_DAEMON)

    def put(text: str, line: LogLine) -> None:
        for one in text.split("\n"):
            syslog.syslog(PRIORITY[line.level], _bytes(one).decode().rstrip("\n"))

    return Sink(FORMATTERS_WITHOUT_TIME[log_format], put)


def _bytes(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace")
