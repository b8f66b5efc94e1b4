"""Lines reach standard output, the journal or a file; discarded lines are counted."""

import errno
import os
from pathlib import Path

import pytest
from twisted.python.logfile import LogFile

from wsevents.api.errors import StartError
from wsevents.logs.record import LogLine
from wsevents.logs.sinks import FORMATTERS, Sink, descriptor_sink, file_sink, make_sink
from wsevents.system.systemd import is_journal

LINE = LogLine(0.0, "warn", "a", "it rains")
BAD = LogLine(0.0, "critical", "a", "it failed", trace="Traceback\nKeyError")


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def stream(descriptor):
    """Return the variable that systemd sets for a service with this output."""
    status = os.fstat(descriptor)
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_the_text_format_has_the_time(pipe):
    descriptor_sink(pipe[1], "text", {})(LINE)
    assert os.read(pipe[0], 1000).decode().endswith(" [a#warn] it rains\n")


def test_lines_for_the_journal_have_a_priority_and_no_time(pipe):
    write = descriptor_sink(pipe[1], "text", stream(pipe[1]))
    for line in (LINE, BAD):
        write(line)
    assert os.read(pipe[0], 1000).decode().splitlines() == [
        "<4>[a#warn] it rains",
        "<2>[a#critical] it failed",
        "<2>\tTraceback",
        "<2>\tKeyError",
    ]


def test_json_for_the_journal_has_a_priority_too(pipe):
    descriptor_sink(pipe[1], "json", stream(pipe[1]))(BAD)
    (line,) = os.read(pipe[0], 1000).decode().splitlines()
    assert line.startswith('<2>{"time": "1970-01-01T00:00:00.000Z", "level": "critical"')


def test_redirected_output_is_not_the_journal(pipe, tmp_path):
    with (tmp_path / "log").open("w") as file:
        assert is_journal(pipe[1], stream(pipe[1]))
        assert not is_journal(file.fileno(), stream(pipe[1]))
        assert not is_journal(pipe[1], {})
        assert not is_journal(999_999, stream(pipe[1]))


def test_discarded_lines_are_counted_and_the_count_is_written():
    written, full = [], OSError(errno.ENOSPC, "No space left on device")

    def put(text, line):
        if full:
            raise full
        written.append(line.text)

    write = Sink(FORMATTERS["text"], put)
    for _ in range(3):
        write(LINE)
    full = None
    for _ in range(2):
        write(LINE)
    assert written == [
        "3 log lines could not be written: No space left on device",
        "it rains",
        "it rains",
    ]


def test_a_full_device_raises_no_error():
    with Path("/dev/full").open("wb", buffering=0) as full:
        write = descriptor_sink(full.fileno(), "text", {})
        for _ in range(3):
            write(LINE)
        with pytest.raises(OSError, match="No space left"):
            full.write(b"x")  # the device was full all the time


def test_a_text_that_cannot_be_encoded_is_escaped(tmp_path, pipe):
    odd = LogLine(0.0, "info", "a", "x", {}, "\ud800")
    descriptor_sink(pipe[1], "text", {})(odd)
    assert b"\\ud800" in os.read(pipe[0], 1000)
    file = LogFile.fromFullPath(str(tmp_path / "log"))
    file_sink(file, "text")(odd)
    file.close()
    assert r"\ud800" in (tmp_path / "log").read_text()


def test_a_log_file_that_cannot_be_written_to_is_named():
    options = {"syslog": False, "logfile": "/nowhere/log", "nodaemon": True, "prefix": "x"}
    with pytest.raises(StartError, match="--logfile /nowhere/log cannot be written to: No such file"):
        make_sink(options, "text", {})
