"""Reads the YAML configuration files into one frozen `Config`; each error names its file and key.

Only this module reads these files. `wsevents.api.settings` and the settings classes of dialects, buses and
authenticators define the keys and their values; `schema` validates values against these classes.
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
from wsevents.endpoints.check import PROXY_PREFIX, check_endpoint, is_proxied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wsevents.config.plugins import Plugins

ORIGIN = "XIVO_UUID"
"""Environment variable with the uuid of this installation."""
FILE_MAX = 16 << 20
"""Maximum bytes of a file. Parsing a larger one takes minutes, and blocks a gateway that reloads it."""


def load(path: Path, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration of a file and of `conf.d/*.yml` in its folder, which are read in name order.

    Mappings merge deeply. Lists and scalars of a later file replace those of an earlier file.

    Raises:
        ConfigurationError: the configuration is not valid; has one line for each problem.
    """
    return validate(read_tree(path), str(path), plugins, environ)


def read_tree(path: Path) -> Section:
    """Return the merged content of the file and of `conf.d/*.yml` in its folder, without validating it.

    Raises:
        ConfigurationError: files cannot be read or are not YAML; has one line for each of them.
    """
    tree = Section()
    problems: list[str] = []
    for rank, file in enumerate([path, *_fragments(path.parent / "conf.d")]):
        try:
            tree = merge(tree, read(_text(file), Document(rank, str(file))))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return tree


def parse(text: str, name: str, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return the configuration in one YAML text; `name` is its name in error messages. Raises as `load`."""
    return validate(read(text, Document(0, name)), name, plugins, environ)


def validate(tree: Section, name: str, plugins: Plugins, environ: Mapping[str, str]) -> Config:
    """Return a merged tree as a configuration. Raises as `load`.

    Args:
        tree: the merged content of the files.
        name: the file to name in errors about keys that no file has set.
        plugins: the installed plug-ins.
        environ: the environment, for secrets and the uuid of the installation.
    """
    whole = Section(_defaults(environ) | tree, tree.origin)
    if "dialects" not in tree:
        whole["dialects"] = _default_dialects(name, plugins)
    rules = _Rules(plugins, environ, whole["dialects"], whole["bus"], bool(whole.get("trusted_proxies")))
    try:
        config: Config = Schema(environ, rules.table()).validate(whole, Config)
    except ProblemsError as error:
        raise ConfigurationError(*(_line(problem, whole, name) for problem in error.problems)) from None
    return config


def _fragments(folder: Path) -> list[Path]:
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
            raise ConfigurationError(f"{file}: is larger than the maximum of {FILE_MAX} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{file}: line {line}: is not UTF-8 text") from None


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        "listen": [listener.endpoint for listener in Config().listen],  # checked like a configured one
        "origin_uuid": environ.get(ORIGIN, "").strip() or None,
        "bus": Section(),
        "auth": Section(),
    }


def _default_dialects(name: str, plugins: Plugins) -> Section:
    """Return an empty section for each dialect that is served when no file has `dialects:`."""
    try:
        dialects = plugins.dialects()
    except PluginError as error:
        raise ConfigurationError(f"{name}: dialects: {error}") from None
    return Section({each: Section() for each, dialect in dialects.items() if dialect.default})


@frozen
class _Rules:
    """Rules for keys that depend on other keys, on installed plug-ins or on files of certificates.

    Attributes:
        plugins: the installed plug-ins.
        environ: the environment, for secrets given as `<key>_env`.
        configured: the value of `dialects:`, not validated.
        bus: the value of `bus:`, not validated.
        has_trusted_proxies: `trusted_proxies:` is not empty.
    """

    plugins: Plugins
    environ: Mapping[str, str]
    configured: Any
    bus: Any
    has_trusted_proxies: bool

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
        """Validate `status.endpoint`: a server endpoint without PROXY protocol, or null."""
        endpoint: str | None = Schema(self.environ).validate(value, str | None)
        if endpoint is not None:
            _check(endpoint)
            if is_proxied(endpoint):
                raise ProblemsError(Problem(f"must not begin with {PROXY_PREFIX}; only `listen` accepts it"))
        return endpoint

    def listen(self, value: Any) -> list[ListenEntry]:
        """Validate `listen:`: server endpoints, each for some of the configured dialects."""
        entries: list[str | ListenEntry] = Schema(self.environ).validate(value, list[str | ListenEntry])
        if not entries:
            raise ProblemsError(Problem("must name at least one endpoint"))
        problems = ProblemList()
        for index, entry in enumerate(entries):
            if isinstance(entry, ListenEntry):
                with problems.under(index, "endpoint"):
                    self.check_listener(entry.endpoint)
                with problems.under(index, "dialects"):
                    self.check_dialects(entry.dialects or [])
            else:
                with problems.under(index):
                    self.check_listener(entry)
        problems.raise_any()
        return [entry if isinstance(entry, ListenEntry) else ListenEntry(entry) for entry in entries]

    def check_listener(self, endpoint: str) -> None:
        """Check that an endpoint is valid, and that a client can connect if it requires a trusted proxy."""
        _check(endpoint)
        if is_proxied(endpoint) and not self.has_trusted_proxies:
            raise ProblemsError(
                Problem(
                    f"begins with {PROXY_PREFIX} and so rejects every client; "
                    "add the proxy to `trusted_proxies`"
                )
            )

    def check_dialects(self, names: list[str]) -> None:
        """Check that `dialects:` has these names; if it is not a mapping, its own error is enough."""
        if not isinstance(self.configured, dict):
            return
        unknown = [name for name in names if name not in self.configured]
        if unknown:
            known = ", ".join(sorted(str(name) for name in self.configured)) or "none"
            raise ProblemsError(
                Problem(f"names {unknown[0]!r}, which is not under `dialects:`; there are: {known}")
            )

    def workers(self, value: Any) -> int | str:
        """Validate `workers:`; more than one needs a bus that all processes can connect to."""
        workers: int | str = Schema(self.environ).validate(value, int | Literal["auto"])
        if workers != 1 and self._bus_is_private():
            raise ProblemsError(
                Problem("must be 1 with a bus within the process; leave it out, or use `bus.type: amqp`")
            )
        return workers

    def _bus_is_private(self) -> bool:
        """Return whether the bus is within the process. False if `bus:` is invalid; `typed` reports that."""
        name = self.bus.get("type", Bus().type) if isinstance(self.bus, Section) else None
        try:
            return isinstance(name, str) and bool(self.plugins.bus(name).private)
        except PluginError:
            return False

    def typed(self, value: Any, kind: type[Any], find: Callable[[str], type[Any]]) -> Any:
        """Validate `bus:` or `auth:`; its `type` selects the plug-in that defines the other keys."""
        schema = Schema(self.environ)
        section = schema.validate(value, dict[Any, Any])
        name = section.get("type", attrs.fields(kind).type.default)
        problems = ProblemList()
        with problems.under("type"):
            plugin = _plugin(find, schema.validate(name, str))
        problems.raise_any()
        return schema.validate(value, plugin.settings)

    def dialects(self, value: Any) -> dict[str, Any]:
        """Validate `dialects:`: a section for each dialect to serve."""
        schema = Schema(self.environ)
        sections = schema.validate(value, dict[str, Any])
        if not sections:
            raise ProblemsError(Problem("must name at least one dialect"))
        problems, settings = ProblemList(), {}
        for name in sections:
            with problems.under(name):
                settings[name] = schema.validate(value[name], _plugin(self.plugins.dialect, name).settings)
        problems.raise_any()
        return settings


def _check(endpoint: str) -> None:
    try:
        check_endpoint(endpoint)
    except ValueError as error:
        raise ProblemsError(Problem(str(error))) from None


def _plugin(find: Callable[[str], type[Any]], name: str) -> type[Any]:
    try:
        return find(name)
    except PluginError as error:
        raise ProblemsError(Problem(str(error))) from None


def _line(problem: Problem, tree: Section, name: str) -> str:
    line = f"{_origin(tree, problem.at) or name}: {_key(problem.at)}: {problem.text}{problem.got}"
    return "".join(char if char.isprintable() else " " for char in line)


def _origin(tree: Section, at: tuple[Any, ...]) -> str:
    """Return the name of the file that set the value at this path, or its section; "" if no file set it."""
    name, value = "", cast("Any", tree)
    for step in at:
        if not isinstance(value, Section):
            break
        key = step.key if isinstance(step, RedactedKey) else step
        name = value.origin[key].name if key in value.origin else name
        value = value.get(key)
    return name


def _key(at: tuple[Any, ...]) -> str:
    """Return the path as text, such as `bus.endpoint[1]`."""
    path = ""
    for step in at:
        if isinstance(step, RedactedKey):
            path += f"[number {step.position}]"
        elif isinstance(step, int) and path:
            path += f"[{step}]"
        else:
            path += f".{step}" if path else str(step)
    return path or "the whole file"
