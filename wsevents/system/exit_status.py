"""How a start ends that cannot go on: what the operator reads, and the status of the process."""

from __future__ import annotations

import os
import sys

from wsevents.api.errors import ConfigurationError, PluginError, WseventsError
from wsevents.system.systemd import is_journal


def exit_status(error: WseventsError) -> SystemExit:
    """Tell why it ends, and return what is to be raised.

    The status is 78 if no other start can do better before somebody has changed something, and 1 if
    one can, such as when a port is free again (sysexits(3), systemd.exec(5)).
    """
    text = f"wsevents: {error}"
    real = sys.stderr is sys.__stderr__  # else it is the log, which marks lines itself
    mark = "<3>" if real and is_journal(2, os.environ) else ""
    sys.stderr.write("".join(f"{mark}{line}\n" for line in text.split("\n")))
    leaving = SystemExit(text)
    leaving.code = os.EX_CONFIG if isinstance(error, ConfigurationError | PluginError) else 1
    return leaving
