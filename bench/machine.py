"""Describe the machine and the versions for the results."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.backends.openssl.backend import backend

LIBRARIES = ("Twisted", "autobahn", "txamqp", "pyOpenSSL", "cryptography", "pika")
PROGRAMS = ("nginx-light", "libnginx-mod-nchan", "rabbitmq-server", "libssl3")
ROOT = Path(__file__).parents[1]


def describe():
    """Return date, machine and versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": ", ".join(
            (f"{os.cpu_count()} processors {_processor()}", f"{_memory()} GB", _system(), _kernel())
        ),
        "versions": {
            "wsevents": _commit(),
            "Python": platform.python_version(),
            **{name: _library(name) for name in LIBRARIES},
            "OpenSSL of cryptography": backend.openssl_version_text(),
            **{name: _debian(name) for name in PROGRAMS},
        },
    }


def _kernel():
    return f"Linux {platform.release()}"


def _processor():
    return _first(Path("/proc/cpuinfo"), "model name", ":") or platform.machine()


def _memory():
    return round(int((_first(Path("/proc/meminfo"), "MemTotal", ":") or "0").split()[0]) / 1e6)


def _system():
    return (_first(Path("/etc/os-release"), "PRETTY_NAME", "=") or platform.system()).strip('"')


def _first(file, key, sign):
    """Return the value of the first line `key sign value`, or None."""
    for line in file.read_text().splitlines() if file.exists() else ():
        name, found, value = line.partition(sign)
        if found and name.strip() == key:
            return value.strip()
    return None


def _library(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _commit():
    return _output("git", "-C", str(ROOT), "describe", "--always", "--dirty") or _library("wsevents")


def _debian(name):
    return _output("dpkg-query", "--show", "--showformat=${Version}", name) or "unknown"


def _output(*command):
    """Return the output of a program, or "" if it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
