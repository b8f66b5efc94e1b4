"""The end of a failed start: the error message for the operator and the exit status."""

from __future__ import annotations

import os
import sys

from wsevents.api.errors import ConfigurationError, PluginError, WseventsError
from wsevents.system.systemd import is_journal


def exit_status(error: WseventsError) -> SystemExit:
    """Write the error to standard error and return the exception to raise.

    The status is 78 (EX_CONFIG, sysexits(3)) if a restart cannot succeed without a change by the operator. It
    is 1 if a restart may succeed, for example because a port is free again. systemd.exec(5) lists both.
    """
    text = f"wsevents: {error}"
    real = sys.stderr is sys.__stderr__  # otherwise Twisted's log replaced it, which adds levels itself
    level = "<3>" if real and is_journal(2, os.environ) else ""  # sd-daemon(3): the level error
    sys.stderr.write("".join(f"{level}{line}\n" for line in text.split("\n")))
    leaving = SystemExit(text)
    leaving.code = os.EX_CONFIG if isinstance(error, ConfigurationError | PluginError) else 1
    return leaving
