"""Ports of 127.0.0.1 for servers that cannot listen on port 0 and say which port they got.

RabbitMQ and epmd are such servers, and so is a gateway whose port a test must know before it starts.
A port that is found by binding port 0 and closing the socket is free only until the kernel gives it to
the next process.

A process takes its ports from blocks that it owns. A block lies outside the kernel's ephemeral range,
so the kernel gives its ports to no outgoing connection and to no server on port 0. A process owns a
block while it has bound an abstract Unix socket of the block's name; the kernel frees the name when the
process ends, however it ends. The names belong to the network namespace, like the ports, so that no two
test processes of this machine share a block, whichever user or checkout they belong to. A process never
gives a port twice, and it leaves out ports that another server uses.
"""

import errno
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path

SIZE = 20  # ports in a block
LOWEST, HIGHEST = 10_000, 65_535  # above the ports of well-known services
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def blocks(ephemeral):
    """Return the first port of every block that has no port of the ephemeral range (first, last)."""
    first, last = ephemeral
    return [
        start for start in range(LOWEST, HIGHEST + 2 - SIZE, SIZE) if start + SIZE <= first or start > last
    ]


def _ephemeral():
    first, last = map(int, EPHEMERAL.read_text().split())
    return first, last


def _bound(family, address):
    """Return a socket with this address, or None if another socket has it."""
    one = socket.socket(family)
    try:
        if family == socket.AF_INET:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection is no obstacle
        one.bind(address)
    except OSError as error:
        one.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return one


class Ports:
    """The blocks and ports of one process."""

    def __init__(self):
        self._owned, self._left, self._process = [], [], os.getpid()

    def take(self, count):
        """Return `count` ports that no server uses. Raises OSError if every block has an owner."""
        taken = []
        while len(taken) < count:
            if not self._left or self._process != os.getpid():
                self._own_another_block()
            port = self._left.pop(0)
            if probe := _bound(socket.AF_INET, ("127.0.0.1", port)):
                probe.close()
                taken.append(port)
        return taken

    def _own_another_block(self):
        self._process = os.getpid()  # a fork does not share its parent's block
        for start in blocks(_ephemeral()):
            if owner := _bound(socket.AF_UNIX, f"\0wsevents-tests-ports-{start}"):
                self._owned.append(owner)
                self._left = list(range(start, start + SIZE))
                return
        raise OSError(errno.EADDRINUSE, f"no block of {SIZE} ports is free outside of {EPHEMERAL}")

    def close(self):
        """Give up the blocks."""
        for owner in self._owned:
            owner.close()
        self._owned, self._left = [], []


@contextmanager
def claimed(name, patience):
    """Own a name that only one test process can own at a time; wait at most `patience` seconds."""
    end = time.monotonic() + patience
    while (owner := _bound(socket.AF_UNIX, f"\0wsevents-tests-{name}")) is None:
        assert time.monotonic() < end, f"another test process still uses {name}"
        time.sleep(0.1)  # the kernel has no notification for a free name
    with owner:
        yield


_PORTS = Ports()


def reserved_ports(count):
    """Return `count` ports of 127.0.0.1 that no other server uses and no other test gets."""
    return _PORTS.take(count)


def reserved_port():
    """Return one such port."""
    (port,) = _PORTS.take(1)
    return port
