"""The ports that tests reserve for servers are given to no other process."""

import errno
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ports
from tests.support.ports import SIZE, Ports, blocks, reserved_ports

ROOT = Path(__file__).parents[1]
TAKE = (
    f"from tests.support.ports import reserved_ports; print(*reserved_ports({SIZE + 1}), flush=True); input()"
)


@pytest.fixture
def mine():
    with closing(Ports()) as one:
        yield one


@given(st.tuples(st.integers(1, 65_535), st.integers(1, 65_535)).map(sorted))
def test_no_block_has_a_port_of_the_ephemeral_range(ephemeral):
    first, last = ephemeral
    starts = blocks(ephemeral)
    found = {port for start in starts for port in range(start, start + SIZE)}
    assert len(found) == SIZE * len(starts), "blocks overlap"
    assert not any(first <= port <= last for port in found)
    assert all(ports.LOWEST <= port <= ports.HIGHEST for port in found)
    assert starts or (first < ports.LOWEST + SIZE and last > ports.HIGHEST - 2 * SIZE)


def test_processes_that_run_together_get_different_ports():
    command = [sys.executable, "-c", TAKE]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    found = [process.stdout.readline().split() for process in started]
    own = list(map(str, reserved_ports(SIZE + 1)))
    for process in started:
        process.communicate("\n")
    assert len({port for one in (*found, own) for port in one}) == 4 * (SIZE + 1)


def test_a_port_on_which_a_server_listens_is_left_out(mine):
    (before,) = mine.take(1)
    with socket.create_server(("127.0.0.1", before + 1)):
        assert mine.take(1) == [before + 2]


def test_a_process_never_gives_a_port_twice(mine):
    assert len({port for _ in range(2 * SIZE) for port in mine.take(1)}) == 2 * SIZE


def test_without_a_free_block_there_is_a_clear_error(mine, monkeypatch):
    monkeypatch.setattr(ports, "blocks", lambda _: [])
    with pytest.raises(OSError, match="no block of 20 ports is free") as error:
        mine.take(1)
    assert error.value.errno == errno.EADDRINUSE
