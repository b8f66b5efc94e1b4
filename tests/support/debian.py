"""A Debian system in a folder, made by debootstrap; tests use it with chroot, or start its systemd.

The result of debootstrap is cached outside of the repository, because it takes half a minute.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from attrs import define

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
"""The mirror, if apt's sources of this machine have none for that suite."""
TIMEOUT = 280
"""Timeout of one command, in seconds."""
CLONE_NEWNET = 0x40000000
NEEDED = ["debootstrap", "systemd-nspawn", "nsenter", "lintian", "systemd-analyze", "dpkg-deb"]


def check():
    """Fail if this machine cannot run these tests."""
    if os.geteuid() != 0:
        why = "this test makes a Debian in a folder and needs root: run `make test-package` as root"
        pytest.fail(why, pytrace=False)
    if missing := [name for name in NEEDED if shutil.which(name, path=_path()) is None]:
        pytest.fail(f"these tests also need {', '.join(missing)}: run `make test-package`", pytrace=False)


def said(*command, **options):
    """Run a command; return its stdout and stderr. Raises AssertionError with these if it fails."""
    status, output = tried(*command, **options)
    assert status == 0, f"{' '.join(map(str, command))}\n{output}"
    return output


def tried(*command, **options):
    """Return the exit status of a command, and its stdout and stderr."""
    done = subprocess.run(
        [str(word) for word in command],
        env=_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **{"timeout": TIMEOUT} | options,
    )
    return done.returncode, done.stdout


def _environ():
    """Return the environment of a login shell, with proxies and without variables of make and Python."""
    ours = re.compile(r"PYTHON|VIRTUAL_ENV|MAKE|MFLAGS|ARGS|PYTEST|LC_|LANG|NOTIFY|LISTEN")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return kept | {"PATH": _path(), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def _path():
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _mirror():
    """Return the mirror of that suite in apt's sources of this machine."""
    wanted = ["Identifier: Packages", f"Codename: {SUITE}", "Label: Debian"]
    status, found = tried("apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted)
    return (found.split() or [MIRROR])[0] if status == 0 else MIRROR


def _base():
    """Return an archive of a minimal Debian; create it if it is not cached."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "wsevents"
    architecture = said("dpkg", "--print-architecture").strip()
    base = cache / f"debian-{SUITE}-{architecture}.tar"
    if not base.exists():
        cache.mkdir(parents=True, exist_ok=True)
        new = base.with_suffix(f".{os.getpid()}")
        # minbase is the minimal variant; an archive can be cached.
        status, output = tried(
            "debootstrap", "--variant=minbase", "--merged-usr", SUITE, f"{new}.d", _mirror()
        )
        if status:
            shutil.rmtree(f"{new}.d", ignore_errors=True)
            why = (
                f"debootstrap could not make a Debian from {_mirror()}; is there a network?\n{output[-2000:]}"
            )
            pytest.fail(why, pytrace=False)
        said("tar", "--create", "--file", new, "--numeric-owner", "--directory", f"{new}.d", ".")
        shutil.rmtree(f"{new}.d")
        new.replace(base)
    return base


@define
class Debian:
    """A Debian system in a folder; its systemd does not run.

    Attributes:
        layers: the layers of the overlay, newest first; the folder itself if it is not an overlay.
    """

    root: Path
    layers: tuple[Path, ...]

    @classmethod
    def new(cls, folder):
        """Return a minimal Debian with up-to-date package lists."""
        said("tar", "--extract", "--file", _base(), "--numeric-owner", "--directory", folder)
        debian = cls(folder, (folder,))
        debian.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        debian.write("/etc/apt/sources.list", f"deb {_mirror()} {SUITE} main\n")
        _, settings = tried("apt-config", "dump", "Acquire")
        kept = re.findall(r"(?m)^Acquire::(?:https?::Proxy|Check-).*$", settings)
        debian.write("/etc/apt/apt.conf.d/90host", "\n".join(kept) + "\n")
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        # Installing a package must not start services: nothing would stop them.
        debian.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
        debian.path("/usr/sbin/policy-rc.d").chmod(0o755)
        debian.run("apt-get", "update", "--error-on=any")
        return debian

    @contextmanager
    def copied(self, folder):
        """Yield a copy, and remove it afterwards."""
        root, top, work = (folder / name for name in ("root", "top", "work"))
        for each in (root, top, work):
            each.mkdir()
        options = f"lowerdir={':'.join(map(str, self.layers))},upperdir={top},workdir={work}"
        is_thin = not tried("mount", "-t", "overlay", "-o", options, "overlay", root)[0]
        if not is_thin:  # not every file system can be a layer of an overlay
            said("cp", "--archive", f"{self.root}/.", root)
        try:
            yield Debian(root, (top, *self.layers) if is_thin else (root,))
        finally:
            if is_thin:
                said("umount", "--lazy", root)
            shutil.rmtree(folder)

    def path(self, name):
        """Return the path of one of its files on this machine."""
        return self.root / name.lstrip("/")

    def write(self, name, text):
        """Write one of its files."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def run(self, *command):
        """Run a command in it; return its output. Raises AssertionError if it fails."""
        return said("chroot", self.root, *command)

    def install(self, *names):
        """Install packages, by name or from a file of this machine; keep edited conffiles."""
        names = [self.bring(name) if isinstance(name, Path) else name for name in names]
        return self.run("apt-get", "install", "-y", "--no-install-recommends", *OLD, *names)

    def bring(self, file):
        """Copy a file of this machine into it; return the path there."""
        shutil.copy(file, self.path("/tmp"))
        return f"/tmp/{file.name}"

    def listing(self):
        """Return each file with its kind, owner, mode and link target, without files of apt and dpkg."""
        form = r"%P\t%y %u:%g %m %l\n"
        lines = self.run("find", "/", "-xdev", *KEPT, "-printf", form).splitlines()
        return dict(line.split("\t") for line in lines)

    @contextmanager
    def started(self):
        """Start its systemd in a separate network namespace; yield the running system."""
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--private-network"]
        command += ["--console=pipe", f"--machine=wsevents-{os.getpid()}", "--directory", self.root]
        with (self.root.parent / "console").open("w+") as console:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )
        try:
            yield Machine(self, _first(process, console.name))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


OLD = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
PLACES = ["/proc", "/sys", "/dev", "/run", "/tmp/*", "/var/cache", "/var/log", "/etc/ld.so.cache"]
PLACES += ["/var/lib/apt", "/var/lib/dpkg"]
KEPT = [word for place in PLACES for word in ("-path", place, "-prune", "-o")]
"""For find: files that change by themselves, and files of other programs' book-keeping."""


def _first(process, console):
    """Wait until its systemd answers; return the pid of its first process on this machine."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(TIMEOUT):
        status = process.poll()
        assert status is None, f"systemd does not start in a folder here:\n{Path(console).read_text()}"
        for pid in children.read_text().split():
            answer = tried("nsenter", f"--target={pid}", "--all", "systemctl", "is-system-running", "--wait")
            if answer[1].strip() in {"running", "degraded"}:
                return int(pid)
        sleep(1)  # there is no notification of this
    raise AssertionError("systemd was started in a folder, but does not answer")


@define
class Machine:
    """A running Debian.

    Attributes:
        first: the pid of its first process on this machine.
    """

    debian: Debian
    first: int

    def run(self, *command):
        """Run a command in it; return its output. Raises AssertionError if it fails."""
        return said(*self._inside(*command))

    def tried(self, *command):
        """Return the exit status of a command in it, and its output."""
        return tried(*self._inside(*command))

    def _inside(self, *command):
        return ["nsenter", f"--target={self.first}", "--all", *command]

    def property(self, name, unit="wsevents.service"):
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit="wsevents.service"):
        """Return a unit's messages in the journal, without the journal's prefixes."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    def visit(self, doing):
        """Call a function in its network namespace; return the result."""
        thread = _NetworkThread(self.first, doing)
        thread.start()
        thread.join(TIMEOUT)
        if thread.error is not None:
            raise thread.error
        return thread.result


class _NetworkThread(Thread):
    """A thread in another network namespace; each thread can have its own (setns(2))."""

    def __init__(self, pid, doing):
        super().__init__(daemon=True)
        self.pid, self.doing, self.result, self.error = pid, doing, None, None

    def run(self):
        try:
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            self.result = self.doing()
        except BaseException as error:  # noqa: BLE001 `visit` raises it
            self.error = error
