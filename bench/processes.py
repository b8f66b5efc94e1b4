"""CPU time, memory and connections of processes, read from the Linux kernel."""

import ctypes
import os
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
ESTABLISHED = "01"


def cpu(pids):
    """Return the CPU seconds (user and kernel, all threads) of these processes; the resolution is 1 ns."""
    return sum(time.clock_gettime(_cpu_clock(pid)) for pid in pids)


def _cpu_clock(pid):
    clock = ctypes.c_int()
    error = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, os.strerror(error), f"process {pid}")
    return clock.value


def family(pid):
    """Return the IDs of a process and of its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def memory(pids):
    """Return the memory of these processes in bytes; shared pages are divided among them (PSS)."""
    return sum(_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids) * 1024


def resident(pids):
    """Return the resident memory of these processes in bytes (RSS); cheaper to read than PSS."""
    return sum(_kilobytes(f"/proc/{pid}/status", "VmRSS") for pid in pids) * 1024


def _kilobytes(file, key):
    for line in Path(file).read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == key:
            return int(rest.split()[0])
    raise ValueError(f"{file} has no {key}")


def connections(pid, port):
    """Return the number of established server connections of a process at a local port."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        target = str(file.readlink())
        if target.startswith("socket:["):
            sockets.add(target[len("socket:[") : -1])
    return sum(inode in sockets for inode in established(Path("/proc/net/tcp").read_text(), port))


def established(table, port):
    """Yield the inodes of the established sockets at this local port; `table` is /proc/net/tcp."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED and int(fields[1].partition(":")[2], 16) == port:
            yield fields[9]
