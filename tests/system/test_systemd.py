import os
import socket

import pytest

from wsevents.system.systemd import Notifier

PID = 77


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Notifier()),
        ({"NOTIFY_SOCKET": "/run/x"}, Notifier("/run/x")),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "9" * 5000}, Notifier("/run/x")),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1500000"}, Notifier("/run/x", 1.5)),
        (
            {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": f"{PID}"},
            Notifier("@x", 1.5),
        ),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, Notifier("@x")),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"}, Notifier("@x")),
        ({"WATCHDOG_USEC": "1500000"}, Notifier()),
    ],
)
def test_the_environment_says_who_listens_and_is_not_passed_on(environ, expected):
    environ = {"HOME": "/", **environ}
    assert Notifier.of(environ, PID) == expected
    assert environ == {"HOME": "/"}


@pytest.fixture
def listening(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def test_a_status_is_one_line_whatever_is_in_it(listening):
    Notifier(listening.getsockname()).status("bus down:\nREADY=1\n  no")
    assert listening.recv(100) == b"STATUS=bus down: READY=1 no"


def test_a_socket_without_a_file():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0wsevents-test-{os.getpid()}-x")
        Notifier(f"@wsevents-test-{os.getpid()}-x").alive()
        end.setblocking(False)
        assert end.recv(100) == b"WATCHDOG=1"


def test_nobody_is_told_where_nobody_listens(log):
    Notifier().ready()
    assert log.lines == []


def test_a_systemd_that_is_gone_is_a_line_in_the_log_and_no_end(tmp_path, log):
    Notifier(str(tmp_path / "nothing")).stopping(1.5)
    assert log.lines == ["sending STOPPING=1 to systemd failed: No such file or directory"]


def test_a_systemd_that_reads_nothing_is_not_waited_for_by_what_is_said_again_and_again(listening, log):
    notifier = Notifier(listening.getsockname())
    while not log.lines:  # until its queue is full
        notifier.alive()
    assert log.lines == ["sending WATCHDOG=1 to systemd failed: Resource temporarily unavailable"]
    notifier.status("all is well")
    assert log.lines[1:] == ["sending STATUS=all is well to systemd failed: Resource temporarily unavailable"]
