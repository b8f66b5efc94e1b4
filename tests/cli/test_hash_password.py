"""`wsevents hash-password` hashes a password from standard input or a terminal."""

import os
import pty
import subprocess

import pytest

from tests.support.shell import DEADLINE, command, environ, wsevents
from wsevents.core.password_hash import matches, parse

PASSWORD = "manag3rpa55word"


def typed(*lines):
    """Type lines into the command's terminal; return its exit status and the output of the terminal."""
    leader, follower = pty.openpty()
    shown = b""
    try:
        process = subprocess.Popen(
            command("hash-password"),
            env=environ(),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        waiting = list(lines)
        while True:
            try:
                shown += os.read(leader, 4096)
            except OSError:  # EIO: the command has closed the terminal
                break
            if waiting and shown.endswith(b": "):
                os.write(leader, f"{waiting.pop(0)}\n".encode())
        return process.wait(DEADLINE), shown.decode()
    finally:
        os.close(leader)


@pytest.mark.parametrize("stdin_text", [PASSWORD, f"{PASSWORD}\n", f"{PASSWORD}\r\nmore\n"])
def test_it_hashes_the_first_line_of_its_input(stdin_text):
    done = wsevents("hash-password", stdin=stdin_text)
    assert (done.status, done.err) == (0, "")
    (line,) = done.lines
    assert matches(PASSWORD, parse(line))


def test_two_hashes_of_one_password_have_two_salts():
    first, second = (parse(wsevents("hash-password", stdin="pâté\n").out.strip()) for _ in range(2))
    assert matches("pâté", first)
    assert matches("pâté", second)
    assert first.salt != second.salt


def test_programs_get_json():
    text = wsevents("hash-password", "--json", stdin=PASSWORD).json["password_hash"]
    assert matches(PASSWORD, parse(text))


def test_a_password_as_an_argument_is_rejected_and_not_repeated():
    done = wsevents("hash-password", PASSWORD, stdin=PASSWORD)
    assert (done.status, done.out) == (2, "")
    assert "takes no arguments" in done.err
    assert PASSWORD not in done.err


@pytest.mark.parametrize("stdin_text", ["", "\n", "\nmore\n"])
def test_an_empty_password_is_rejected(stdin_text):
    done = wsevents("hash-password", stdin=stdin_text)
    assert (done.status, done.out, done.err) == (1, "", "the password is empty; enter one\n")


def test_a_password_that_is_not_utf_8_is_rejected():
    done = subprocess.run(
        command("hash-password"),
        input=b"caf\xe9\n",
        env=environ(LC_ALL="C.UTF-8", PYTHONIOENCODING="utf-8:strict"),
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"the password must be UTF-8 text\n"


def test_a_terminal_does_not_show_the_password():
    status, shown = typed(PASSWORD, PASSWORD)
    assert status == 0
    assert PASSWORD not in shown
    assert matches(PASSWORD, parse(shown.split()[-1]))


def test_two_passwords_that_differ_are_rejected():
    status, shown = typed("one thing", "another")
    assert status == 1
    assert "the two passwords differ" in shown
    assert "scrypt" not in shown
