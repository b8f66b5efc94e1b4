"""Files that a plug-in ships beside its modules, as values."""

from attrs import frozen


@frozen
class PackageFile:
    """A file that a package has beside its modules; `plugins.read_file` reads it.

    Attributes:
        package: dotted name of the package.
        name: of the file, in the folder of the package.
    """

    package: str
    name: str
