"""The exceptions whose text an operator reads."""

from __future__ import annotations


class WseventsError(Exception):
    """Base class of the errors that wsevents reports to an operator."""


class ConfigurationError(WseventsError):
    """The configuration is invalid. Each problem is one line that names file, key and remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StartError(WseventsError):
    """The start failed for a reason outside the configuration, so a later start may succeed."""


class PluginError(WseventsError):
    """A dialect, bus or authenticator cannot be loaded or does not provide its interface."""


class BusError(WseventsError):
    """A bus operation failed. The bus reconnects by itself, so the operation may succeed later."""


class UnansweredError(WseventsError):
    """At least one worker process did not answer a request that concerns all of them."""
