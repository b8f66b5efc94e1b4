"""Dialects, buses, authenticators and authorities, found by entry point and checked before they are used.

Twisted's own `getPlugins` hides a plugin that cannot be imported and writes a cache into the
package of others; an entry point that does not work is an error here, with the name of the
distribution that brought it.
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
    """A kind of plugin.

    Attributes:
        group: of its entry points.
        interfaces: what its class implements.
        settings: what its settings extend; None: it has none of its own.
        attributes: attributes of the class that are read before there is an instance, with their types.
        methods: its class methods.
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
"""All kinds there are, by the word that messages have for one."""


def _installed(group: str) -> Iterable[EntryPoint]:
    return entry_points(group=group)


@frozen
class Plugins:
    """What is installed.

    Attributes:
        find: group to the entry points of that group; those of the environment unless a test says otherwise.
    """

    find: Callable[[str], Iterable[EntryPoint]] = field(default=_installed)

    def dialect(self, name: str) -> type[Any]:
        """Return the class of the dialect of this name: an implementer of IDialect.

        Raises:
            PluginError: there is none, or it cannot be imported, or it is not what it must be.
        """
        return self._load("dialect", name)

    def dialects(self) -> dict[str, type[Any]]:
        """Return the classes of all dialects by their names, in the order of these. Raises as `dialect`."""
        names = {point.name for point in self.find(KINDS["dialect"].group)}
        return {name: self.dialect(name) for name in sorted(names)}

    def bus(self, name: str) -> type[Any]:
        """Return the class of the bus of this name: an implementer of IBus. Raises as `dialect`."""
        return self._load("bus", name)

    def authenticator(self, name: str) -> type[Any]:
        """Return the class of the authenticator of this name: an IAuthenticator. Raises as `dialect`."""
        return self._load("authenticator", name)

    def authority(self, name: str) -> type[Any]:
        """Return the class of a dialect's own authority: an IAuthority. Raises as `dialect`.

        Its class method `create(settings, reactor)` takes the section of the dialect.
        """
        return self._load("authority", name)

    def _load(self, what: str, name: str) -> type[Any]:
        kind = KINDS[what]
        point = self._only(kind.group, what, name)
        origin = f"{what} {name!r} (entry point {point.value} of {_distribution(point)})"
        try:
            found: Any = point.load()
        except Exception as error:  # importing a stranger's module may raise anything
            raise PluginError(f"{origin} cannot be imported: {type(error).__name__}: {error}") from error
        faults = _faults(found, kind)
        if faults:
            raise PluginError(f"{origin} is not fit to use: {'; '.join(faults)}")
        return found  # type: ignore[no-any-return]  # _faults saw that it is a class

    def _only(self, group: str, what: str, name: str) -> EntryPoint:
        points = sorted(self.find(group), key=lambda point: point.name)
        named = [point for point in points if point.name == name]
        if not named:
            known = ", ".join(sorted({point.name for point in points})) or "none; is wsevents installed?"
            raise PluginError(f"there is no {what} {name!r}; there are: {known}")
        if len(named) > 1:
            owners = " and ".join(sorted(_distribution(point) for point in named))
            raise PluginError(
                f"{what} {name!r} is brought by several distributions: {owners}; remove all but one"
            )
        return named[0]


def read_file(file: PackageFile) -> str:
    """Return the text of a file that a plug-in names.

    Raises:
        PluginError: it cannot be read.
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
    """Return what keeps the thing from being used: nothing, when all is well."""
    if not isinstance(found, type):
        return ["it must be a class"]
    faults = []
    for interface in kind.interfaces:
        try:
            verifyClass(interface, found)
        except Invalid as error:  # MultipleInvalid, when there are several
            faults += [" ".join(str(one).split()) for one in getattr(error, "exceptions", [error])]
    # verifyClass takes an attribute that is missing for one that __init__ will set, and a plain
    # method for a class method; both would be found out only when the gateway is under way.
    for name in kind.methods:
        if not ismethod(getattr(found, name, None)):
            faults.append(f"`{name}` must be a class method")
    for name, wanted in kind.attributes.items():
        if not isinstance(getattr(found, name, NotImplemented), wanted):
            named = getattr(wanted, "__name__", wanted)
            faults.append(f"`{name}` must be an attribute of the class: {named}")
    if kind.settings is not None:
        faults += _settings_faults(getattr(found, "settings", None), kind.settings)
    return faults


def _settings_faults(section: Any, base: type) -> list[str]:
    if isinstance(section, type) and attrs.has(section) and issubclass(section, base):
        return []
    return [f"`settings` must be an attrs class{'' if base is object else f' that extends {base.__name__}'}"]
