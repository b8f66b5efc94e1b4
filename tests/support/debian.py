"""A Debian of its own in a folder: made by debootstrap, worked in by chroot, or started with its systemd.

What debootstrap has made is kept in a cache outside of the repository, as it takes half a minute.
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
"""Where from, if this machine itself has no Debian of that suite among its sources."""
PATIENCE = 280
"""Seconds for one command."""
CLONE_NEWNET = 0x40000000
NEEDED = ["debootstrap", "systemd-nspawn", "nsenter", "lintian", "systemd-analyze", "dpkg-deb"]


def check():
    """Fail if these tests cannot be done here."""
    if os.geteuid() != 0:
        why = "this test makes a Debian in a folder and needs root: run `make test-package` as root"
        pytest.fail(why, pytrace=False)
    if missing := [name for name in NEEDED if shutil.which(name, path=_path()) is None]:
        pytest.fail(f"these tests also need {', '.join(missing)}: run `make test-package`", pytrace=False)


def said(*command, **options):
    """Run a command to its end; return what it says, both ways. Fails with that if it fails."""
    status, output = tried(*command, **options)
    assert status == 0, f"{' '.join(map(str, command))}\n{output}"
    return output


def tried(*command, **options):
    """Return the exit status of a command, and what it says."""
    done = subprocess.run(
        [str(word) for word in command],
        env=_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **{"timeout": PATIENCE} | options,
    )
    return done.returncode, done.stdout


def _environ():
    """Return the environment of a login: with proxies, without what make and Python have put there."""
    ours = re.compile(r"PYTHON|VIRTUAL_ENV|MAKE|MFLAGS|ARGS|PYTEST|LC_|LANG|NOTIFY|LISTEN")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return kept | {"PATH": _path(), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def _path():
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _mirror():
    """Return where this machine has its packages of that suite from."""
    wanted = ["Identifier: Packages", f"Codename: {SUITE}", "Label: Debian"]
    status, found = tried("apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted)
    return (found.split() or [MIRROR])[0] if status == 0 else MIRROR


def _base():
    """Return an archive of the smallest Debian, made now if it was not before."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "wsevents"
    architecture = said("dpkg", "--print-architecture").strip()
    base = cache / f"debian-{SUITE}-{architecture}.tar"
    if not base.exists():
        cache.mkdir(parents=True, exist_ok=True)
        new = base.with_suffix(f".{os.getpid()}")
        # minbase is what no Debian is without; as an archive, as that is what can be kept.
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
    """One in a folder, switched off.

    Attributes:
        layers: what the folder is put together from, the newest first; itself, if it was not.
    """

    root: Path
    layers: tuple[Path, ...]

    @classmethod
    def new(cls, folder):
        """Return one that has what every Debian has, and knows what packages there are."""
        said("tar", "--extract", "--file", _base(), "--numeric-owner", "--directory", folder)
        debian = cls(folder, (folder,))
        debian.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        debian.write("/etc/apt/sources.list", f"deb {_mirror()} {SUITE} main\n")
        _, settings = tried("apt-config", "dump", "Acquire")
        kept = re.findall(r"(?m)^Acquire::(?:https?::Proxy|Check-).*$", settings)
        debian.write("/etc/apt/apt.conf.d/90host", "\n".join(kept) + "\n")
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        # Nothing starts while a package is installed: nobody is there to stop it.
        debian.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
        debian.path("/usr/sbin/policy-rc.d").chmod(0o755)
        debian.run("apt-get", "update", "--error-on=any")
        return debian

    @contextmanager
    def copied(self, folder):
        """Give another one like it, which is to be changed in place of this one, and remove it."""
        root, top, work = (folder / name for name in ("root", "top", "work"))
        for each in (root, top, work):
            each.mkdir()
        options = f"lowerdir={':'.join(map(str, self.layers))},upperdir={top},workdir={work}"
        is_thin = not tried("mount", "-t", "overlay", "-o", options, "overlay", root)[0]
        if not is_thin:  # not every filesystem can be below another
            said("cp", "--archive", f"{self.root}/.", root)
        try:
            yield Debian(root, (top, *self.layers) if is_thin else (root,))
        finally:
            if is_thin:
                said("umount", "--lazy", root)
            shutil.rmtree(folder)

    def path(self, name):
        """Return where a file of it is here."""
        return self.root / name.lstrip("/")

    def write(self, name, text):
        """Write a file of it."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def run(self, *command):
        """Return what a command says in it; fails if it fails."""
        return said("chroot", self.root, *command)

    def install(self, *names):
        """Install packages, by name or by a file from here; edited conffiles are kept, as by default."""
        names = [self.bring(name) if isinstance(name, Path) else name for name in names]
        return self.run("apt-get", "install", "-y", "--no-install-recommends", *OLD, *names)

    def bring(self, file):
        """Return the name there of a copy of a file."""
        shutil.copy(file, self.path("/tmp"))
        return f"/tmp/{file.name}"

    def listing(self):
        """Return every file with its kind, owner, rights and target, but for what apt and dpkg keep."""
        form = r"%P\t%y %u:%g %m %l\n"
        lines = self.run("find", "/", "-xdev", *KEPT, "-printf", form).splitlines()
        return dict(line.split("\t") for line in lines)

    @contextmanager
    def started(self):
        """Give it with its systemd running and a network of its own, with nobody else in it."""
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
"""For find: what changes without anybody's having changed it, or is others' book-keeping."""


def _first(process, console):
    """Return the pid, as it is here, of the first process there, once that is a systemd that answers."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(PATIENCE):
        status = process.poll()
        assert status is None, f"systemd does not start in a folder here:\n{Path(console).read_text()}"
        for pid in children.read_text().split():
            answer = tried("nsenter", f"--target={pid}", "--all", "systemctl", "is-system-running", "--wait")
            if answer[1].strip() in {"running", "degraded"}:
                return int(pid)
        sleep(1)  # nothing tells when it can be asked
    raise AssertionError("systemd has started in a folder, but does not answer")


@define
class Machine:
    """A Debian that runs.

    Attributes:
        first: the pid of its first process, as it is here.
    """

    debian: Debian
    first: int

    def run(self, *command):
        """Return what a command says in it; fails if it fails."""
        return said(*self._inside(*command))

    def tried(self, *command):
        """Return the exit status of a command in it, and what it says."""
        return tried(*self._inside(*command))

    def _inside(self, *command):
        return ["nsenter", f"--target={self.first}", "--all", *command]

    def property(self, name, unit="wsevents.service"):
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def observer(self, unit="wsevents.service"):
        """Return what a unit has said, without the journal's own part of each line."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    def visit(self, doing):
        """Return the result of a function that is called in its network."""
        visitor = _Visitor(self.first, doing)
        visitor.start()
        visitor.join(PATIENCE)
        if visitor.error is not None:
            raise visitor.error
        return visitor.result


class _Visitor(Thread):
    """A thread in another network: which one is a thread's own affair (setns(2))."""

    def __init__(self, pid, doing):
        super().__init__(daemon=True)
        self.pid, self.doing, self.result, self.error = pid, doing, None, None

    def run(self):
        try:
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            self.result = self.doing()
        except BaseException as error:  # noqa: BLE001 it is raised where it is asked for
            self.error = error
