"""The mistakes that are reported to people."""

from __future__ import annotations


class WseventsError(Exception):
    """Anything that wsevents itself reports; its text is one line, fit for an operator."""


class ConfigurationError(WseventsError):
    """The configuration cannot be used: each problem is one line that names file, key and remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StartError(WseventsError):
    """The start failed for what is no matter of the configuration; the next one may do better."""


class PluginError(WseventsError):
    """A dialect, bus or authenticator cannot be loaded or does not keep its interface."""


class BusError(WseventsError):
    """The bus cannot do what was asked of it now; the bus recovers by itself."""


class UnansweredError(WseventsError):
    """Not every process has answered what an operator asked of all."""
