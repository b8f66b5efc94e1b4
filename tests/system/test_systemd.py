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
def test_the_environment_has_the_socket_and_is_removed(environ, expected):
    environ = {"HOME": "/", **environ}
    assert Notifier.of(environ, PID) == expected
    assert environ == {"HOME": "/"}


@pytest.fixture
def listening(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def test_a_status_is_always_one_line(listening):
    Notifier(listening.getsockname()).status("bus down:\nREADY=1\n  no")
    assert listening.recv(100) == b"STATUS=bus down: READY=1 no"


def test_an_abstract_socket_receives_notifications():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0wsevents-test-{os.getpid()}-x")
        Notifier(f"@wsevents-test-{os.getpid()}-x").alive()
        end.setblocking(False)
        assert end.recv(100) == b"WATCHDOG=1"


def test_without_a_socket_nothing_is_sent(log):
    Notifier().ready()
    assert log.lines == []


def test_a_missing_socket_is_only_logged(tmp_path, log):
    Notifier(str(tmp_path / "nothing")).stopping(1.5)
    assert log.lines == ["sending STOPPING=1 to systemd failed: No such file or directory"]


def test_periodic_notifications_do_not_wait_for_a_systemd_that_does_not_read(listening, log):
    notifier = Notifier(listening.getsockname())
    while not log.lines:  # until its queue is full
        notifier.alive()
    assert log.lines == ["sending WATCHDOG=1 to systemd failed: Resource temporarily unavailable"]
    notifier.status("all is well")
    assert log.lines[1:] == ["sending STATUS=all is well to systemd failed: Resource temporarily unavailable"]
