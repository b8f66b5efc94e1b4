"""YAML files into one frozen `Config`: every mistake is named by file and key.

Nobody else reads these files. What a value may be is said in `settings.py` and in the settings
classes of dialects, buses and authenticators; how it is compared with that, in `schema.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import attrs
from attrs import frozen

from wsevents.api.errors import ConfigurationError, PluginError
from wsevents.api.settings import Auth, Bus, Config, ListenEntry, StatusSettings
from wsevents.config.problems import Problem, ProblemList, ProblemsError, RedactedKey
from wsevents.config.schema import Schema
from wsevents.config.yaml_files import Document, Section, merge, read
from wsevents.endpoints.check import PORCH, check_endpoint, has_porch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wsevents.config.plugins import Plugins

ORIGIN = "XIVO_UUID"
"""Environment variable with the uuid of this installation."""
FILE_MAX = 16 << 20
"""Bytes of a file: more would take minutes in which a gateway that reads it again does nothing else."""


def load(path: Path, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration of a file and of the `conf.d/*.yml` beside it, in the order of their names.

    Mappings merge deeply, lists and scalars of a later file replace those of an earlier one.

    Raises:
        ConfigurationError: with every problem there is.
    """
    return fit(gather(path), str(path), plugins, environ)


def gather(path: Path) -> Section:
    """Return what the file and the `conf.d/*.yml` beside it say, merged; nobody has looked at it yet.

    Raises:
        ConfigurationError: with every file that cannot be read, or is no YAML.
    """
    tree = Section()
    problems: list[str] = []
    for rank, file in enumerate([path, *_more(path.parent / "conf.d")]):
        try:
            tree = merge(tree, read(_text(file), Document(rank, str(file))))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return tree


def parse(text: str, name: str, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration that one text holds; problems call it `name`.

    Raises:
        ConfigurationError: with every problem there is.
    """
    return fit(read(text, Document(0, name)), name, plugins, environ)


def fit(tree: Section, name: str, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration that a tree holds; problems of what no file has set call it `name`.

    Raises:
        ConfigurationError: with every problem there is.
    """
    whole = Section(_defaults(environ) | tree, tree.origin)
    if "dialects" not in tree:
        whole["dialects"] = _default_dialects(name, plugins)
    rules = _Rules(plugins, environ, whole["dialects"], whole["bus"], bool(whole.get("trusted_proxies")))
    try:
        config: Config = Schema(environ, rules.table()).fit(whole, Config)
    except ProblemsError as error:
        raise ConfigurationError(*(_line(problem, whole, name) for problem in error.problems)) from None
    return config


def _more(folder: Path) -> list[Path]:
    try:
        files = [file for file in folder.iterdir() if file.name.endswith(".yml") and file.name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be read: {error.strerror}") from None
    return sorted(files, key=lambda file: file.name)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(FILE_MAX + 1)
        if len(data) > FILE_MAX:
            raise ConfigurationError(f"{file}: is larger than a configuration can be ({FILE_MAX} bytes)")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{file}: line {line}: is not UTF-8 text") from None


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        "listen": [listener.endpoint for listener in Config().listen],  # its certificate may be missing too
        "origin_uuid": environ.get(ORIGIN, "").strip() or None,
        "bus": Section(),
        "auth": Section(),
    }


def _default_dialects(name: str, plugins: Plugins) -> Section:
    """Return a section for each dialect that is served when the files say nothing of dialects."""
    try:
        dialects = plugins.dialects()
    except PluginError as error:
        raise ConfigurationError(f"{name}: dialects: {error}") from None
    return Section({each: Section() for each, dialect in dialects.items() if dialect.default})


@frozen
class _Rules:
    """The keys that depend on each other, or on what is on this machine: plugins, keys and certificates.

    Attributes:
        plugins: what is installed.
        environ: where secrets given by `<key>_env` are looked up.
        spoken: what stands under `dialects:`, fit or not.
        bus: what stands under `bus:`, fit or not.
        trusting: whether something stands under `trusted_proxies:`.
    """

    plugins: Plugins
    environ: Mapping[str, str]
    spoken: Any
    bus: Any
    trusting: bool

    def table(self) -> Mapping[tuple[type, str], Callable[[Any], Any]]:
        return {
            (Config, "listen"): self.listen,
            (Config, "workers"): self.workers,
            (Config, "bus"): lambda value: self.typed(value, Bus, self.plugins.bus),
            (Config, "auth"): lambda value: self.typed(value, Auth, self.plugins.authenticator),
            (Config, "dialects"): self.dialects,
            (StatusSettings, "endpoint"): self.status,
        }

    def status(self, value: Any) -> str | None:
        """Fit `status.endpoint`, an endpoint that can be listened on."""
        endpoint: str | None = Schema(self.environ).fit(value, str | None)
        if endpoint is not None:
            _usable(endpoint)
            if has_porch(endpoint):
                raise ProblemsError(Problem(f"must not begin with {PORCH}; that is for `listen`"))
        return endpoint

    def listen(self, value: Any) -> list[ListenEntry]:
        """Fit `listen:`, endpoints that can be listened on, each for dialects that are spoken."""
        entries: list[str | ListenEntry] = Schema(self.environ).fit(value, list[str | ListenEntry])
        if not entries:
            raise ProblemsError(Problem("must name at least one endpoint"))
        problems = ProblemList()
        for index, entry in enumerate(entries):
            if isinstance(entry, ListenEntry):
                with problems.under(index, "endpoint"):
                    self.usable(entry.endpoint)
                with problems.under(index, "dialects"):
                    self.known(entry.dialects or [])
            else:
                with problems.under(index):
                    self.usable(entry)
        problems.settle()
        return [entry if isinstance(entry, ListenEntry) else ListenEntry(entry) for entry in entries]

    def usable(self, endpoint: str) -> None:
        """Check that an endpoint can be listened on, and that somebody may come by it."""
        _usable(endpoint)
        if has_porch(endpoint) and not self.trusting:
            raise ProblemsError(
                Problem(f"begins with {PORCH}, so that only `trusted_proxies` may connect; name them there")
            )

    def known(self, names: list[str]) -> None:
        """Check the names of dialects against `dialects:`, unless that has a problem of its own."""
        if not isinstance(self.spoken, dict):
            return
        strangers = [name for name in names if name not in self.spoken]
        if strangers:
            there = ", ".join(sorted(str(name) for name in self.spoken)) or "none"
            raise ProblemsError(
                Problem(f"names {strangers[0]!r}, which is not under `dialects:`; there are: {there}")
            )

    def workers(self, value: Any) -> int | str:
        """Fit `workers:`; several need a bus that reaches all of them."""
        fitted: int | str = Schema(self.environ).fit(value, int | Literal["auto"])
        if fitted != 1 and self._private():
            raise ProblemsError(
                Problem("must be 1 with a bus within the process; leave it out, or use `bus.type: amqp`")
            )
        return fitted

    def _private(self) -> bool:
        """Say whether the bus is within the process; what is wrong with `bus:` is said there."""
        name = self.bus.get("type", Bus().type) if isinstance(self.bus, Section) else None
        try:
            return isinstance(name, str) and bool(self.plugins.bus(name).private)
        except PluginError:
            return False

    def typed(self, value: Any, kind: type[Any], find: Callable[[str], type[Any]]) -> Any:
        """Fit `bus:` or `auth:`, whose `type` says which plugin knows the other keys."""
        schema = Schema(self.environ)
        section = schema.fit(value, dict[Any, Any])
        name = section.get("type", attrs.fields(kind).type.default)
        problems = ProblemList()
        with problems.under("type"):
            plugin = _found(find, schema.fit(name, str))
        problems.settle()
        return schema.fit(value, plugin.settings)

    def dialects(self, value: Any) -> dict[str, Any]:
        """Fit `dialects:`, a section for each dialect that is spoken."""
        schema = Schema(self.environ)
        sections = schema.fit(value, dict[str, Any])
        if not sections:
            raise ProblemsError(Problem("must name at least one dialect"))
        problems, fitted = ProblemList(), {}
        for name in sections:
            with problems.under(name):
                fitted[name] = schema.fit(value[name], _found(self.plugins.dialect, name).settings)
        problems.settle()
        return fitted


def _usable(endpoint: str) -> None:
    try:
        check_endpoint(endpoint)
    except ValueError as error:
        raise ProblemsError(Problem(str(error))) from None


def _found(find: Callable[[str], type[Any]], name: str) -> type[Any]:
    try:
        return find(name)
    except PluginError as error:
        raise ProblemsError(Problem(str(error))) from None


def _line(problem: Problem, tree: Section, name: str) -> str:
    line = f"{_origin(tree, problem.at) or name}: {_key(problem.at)}: {problem.text}{problem.got}"
    return "".join(char if char.isprintable() else " " for char in line)


def _origin(tree: Section, at: tuple[Any, ...]) -> str:
    """Return the file that set the value there, or what holds it, or "" if no file did."""
    name, value = "", cast("Any", tree)
    for step in at:
        if not isinstance(value, Section):
            break
        key = step.key if isinstance(step, RedactedKey) else step
        name = value.origin[key].name if key in value.origin else name
        value = value.get(key)
    return name


def _key(at: tuple[Any, ...]) -> str:
    """Return the path as in `bus.endpoint[1]`."""
    path = ""
    for step in at:
        if isinstance(step, RedactedKey):
            path += f"[number {step.place}]"
        elif isinstance(step, int) and path:
            path += f"[{step}]"
        else:
            path += f".{step}" if path else str(step)
    return path or "the whole file"
