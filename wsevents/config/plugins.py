"""Finds dialects, buses, authenticators and authorities by entry point, and checks them before use.

An entry point that does not work is an error that names its distribution. Twisted's own `getPlugins` is not
used: it hides a plug-in that cannot be imported, and writes a cache into other packages.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.resources import files
from inspect import ismethod
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen
from twisted.application.service import IService
from zope.interface import Invalid
from zope.interface.verify import verifyClass

from wsevents.api.errors import PluginError
from wsevents.api.interfaces import IAuthenticator, IAuthority, IBus, IDialect
from wsevents.api.package_files import PackageFile
from wsevents.api.settings import Auth, Bus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from zope.interface import Interface


@frozen
class Kind:
    """A kind of plug-in.

    Attributes:
        group: the group of its entry points.
        interfaces: interfaces that the class must implement.
        settings: base class of its settings; None: it has no settings.
        attributes: required attributes of the class, with their types; they are read without an instance.
        methods: required class methods.
    """

    group: str
    interfaces: tuple[type[Interface], ...]
    settings: type | None
    attributes: Mapping[str, Any] = field(factory=dict)
    methods: tuple[str, ...] = ("create",)


KINDS: Mapping[str, Kind] = {
    "dialect": Kind(
        "wsevents.dialects",
        (IDialect,),
        object,
        {"default": bool, "page": PackageFile | None, "demo": PackageFile | None},
        ("create", "greeting"),
    ),
    "bus": Kind("wsevents.buses", (IBus, IService), Bus),
    "authenticator": Kind("wsevents.auth", (IAuthenticator, IService), Auth),
    "authority": Kind("wsevents.authorities", (IAuthority, IService), None),
}
"""All kinds of plug-ins, by their names in messages."""


def _installed(group: str) -> Iterable[EntryPoint]:
    return entry_points(group=group)


@frozen
class Plugins:
    """The installed plug-ins.

    Attributes:
        find: returns the entry points of a group; by default, those of the Python environment.
    """

    find: Callable[[str], Iterable[EntryPoint]] = field(default=_installed)

    def dialect(self, name: str) -> type[Any]:
        """Return the class of the dialect with this name, which implements IDialect.

        Raises:
            PluginError: no dialect has this name, or it cannot be imported, or it lacks something required.
        """
        return self._load("dialect", name)

    def dialects(self) -> dict[str, type[Any]]:
        """Return the classes of all dialects by name, sorted by name. Raises as `dialect`."""
        names = {point.name for point in self.find(KINDS["dialect"].group)}
        return {name: self.dialect(name) for name in sorted(names)}

    def bus(self, name: str) -> type[Any]:
        """Return the class of the bus with this name, which implements IBus. Raises as `dialect`."""
        return self._load("bus", name)

    def authenticator(self, name: str) -> type[Any]:
        """Return the class of the authenticator with this name (IAuthenticator). Raises as `dialect`."""
        return self._load("authenticator", name)

    def authority(self, name: str) -> type[Any]:
        """Return the class of a dialect's own authority, which implements IAuthority. Raises as `dialect`.

        Its class method `create(settings, reactor)` takes the settings of the dialect.
        """
        return self._load("authority", name)

    def _load(self, what: str, name: str) -> type[Any]:
        kind = KINDS[what]
        point = self._entry_point(kind.group, what, name)
        origin = f"{what} {name!r} (entry point {point.value} of {_distribution(point)})"
        try:
            found: Any = point.load()
        except Exception as error:  # importing a third-party module may raise anything
            raise PluginError(f"{origin} cannot be imported: {type(error).__name__}: {error}") from error
        faults = _faults(found, kind)
        if faults:
            raise PluginError(f"{origin} cannot be used: {'; '.join(faults)}")
        return found  # type: ignore[no-any-return]  # _faults checks that it is a class

    def _entry_point(self, group: str, what: str, name: str) -> EntryPoint:
        points = sorted(self.find(group), key=lambda point: point.name)
        named = [point for point in points if point.name == name]
        if not named:
            known = ", ".join(sorted({point.name for point in points})) or "none; is wsevents installed?"
            raise PluginError(f"there is no {what} {name!r}; there are: {known}")
        if len(named) > 1:
            owners = " and ".join(sorted(_distribution(point) for point in named))
            raise PluginError(f"several distributions have a {what} {name!r}: {owners}; remove all but one")
        return named[0]


def read_file(file: PackageFile) -> str:
    """Return the text of a file in a plug-in's package.

    Raises:
        PluginError: the file cannot be read.
    """
    try:
        return files(file.package).joinpath(file.name).read_text("utf-8")
    except (OSError, ImportError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        raise PluginError(
            f"the file {file.name} of the package {file.package} cannot be read: {why}"
        ) from None


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _faults(found: Any, kind: Kind) -> list[str]:
    """Return the reasons why an object cannot be used as a plug-in of this kind; empty if it can."""
    if not isinstance(found, type):
        return ["must be a class"]
    faults = []
    for interface in kind.interfaces:
        try:
            verifyClass(interface, found)
        except Invalid as error:  # MultipleInvalid, when there are several
            faults += [" ".join(str(one).split()) for one in getattr(error, "exceptions", [error])]
    # verifyClass accepts a missing attribute, as __init__ may set it, and a plain method in place of a class
    # method. Without this check, both errors occur only when the gateway runs.
    for name in kind.methods:
        if not ismethod(getattr(found, name, None)):
            faults.append(f"`{name}` must be a class method")
    for name, wanted in kind.attributes.items():
        if not isinstance(getattr(found, name, NotImplemented), wanted):
            type_name = getattr(wanted, "__name__", wanted)
            faults.append(f"`{name}` must be an attribute of the class: {type_name}")
    if kind.settings is not None:
        faults += _settings_faults(getattr(found, "settings", None), kind.settings)
    return faults


def _settings_faults(section: Any, base: type) -> list[str]:
    if isinstance(section, type) and attrs.has(section) and issubclass(section, base):
        return []
    return [f"`settings` must be an attrs class{'' if base is object else f' that extends {base.__name__}'}"]
