"""References to the data files of a plug-in."""

from attrs import frozen


@frozen
class PackageFile:
    """A data file of a Python package; `wsevents.config.plugins.read_file` reads it.

    Attributes:
        package: dotted name of the package.
        name: name of the file in the folder of the package.
    """

    package: str
    name: str
