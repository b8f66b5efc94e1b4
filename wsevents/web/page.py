"""The page as one document: style and script inlined, so that nothing else is ever fetched."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from attrs import frozen

from wsevents.api import close_reasons
from wsevents.api.close_reasons import CloseReason

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_BEFORE, _AFTER = ("protocols.js",), ("frames.js", "page.js")
"""Scripts of the page before and after those of the dialects; all of them become one script."""
_ABNORMAL = 1006
"""What a browser says when the connection broke without a close frame (RFC 6455 section 7.4.1)."""


@frozen
class Page:
    """The page, and what it may do (Content Security Policy, level 3)."""

    html: bytes
    script: str
    style: str

    def policy(self, host: str | None, *, secure: bool) -> str:
        """Return the Content-Security-Policy for a page that was asked for at this host.

        The WebSocket's address is named as well, since not every browser takes 'self' for it.
        Without TLS, as behind a proxy or not, `ws:` is allowed too.
        """
        connect = ["'self'"]
        if host is not None and _HOST.fullmatch(host):
            connect += [f"wss://{host}"] if secure else [f"wss://{host}", f"ws://{host}"]
        return "; ".join(
            [
                "default-src 'none'",
                f"script-src {self.script}",
                f"style-src {self.style}",
                f"connect-src {' '.join(connect)}",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ]
        )


def load(*, publish: bool, scripts: Iterable[str] = ()) -> Page:
    """Return the page from the package's files.

    Args:
        publish: with the form for publishing.
        scripts: of the dialects, each as `protocols.js` describes it; the page offers their protocols.
    """
    style = _read("page.css")
    script = "\n".join([*map(_read, _BEFORE), *scripts, *map(_read, _AFTER)])
    parts = {
        "{{publish}}": "yes" if publish else "no",
        "{{closings}}": closings(),
        "{{style}}": style,
        "{{script}}": script,
    }
    html = re.sub("|".join(map(re.escape, parts)), lambda found: parts[found[0]], _read("index.html"))
    return Page(html.encode(), _source(script), _source(style))


def closings() -> str:
    """Return every reason for which a browser can see a session end, as JSON for a script element."""
    reasons = [value for value in vars(close_reasons).values() if isinstance(value, CloseReason)]
    table = [
        {
            "code": _ABNORMAL if reason is close_reasons.LOST else reason.code,
            "reason": reason.reason,
            "meaning": reason.meaning,
            "advice": reason.advice.value,
        }
        for reason in reasons
        if reason.code is not None or reason is close_reasons.LOST
    ]
    # "<" could end the element; within JSON it can only be in a string.
    return json.dumps(table).replace("<", "\\u003c")


def _read(name: str) -> str:
    return files("wsevents.web").joinpath(name).read_text("utf-8")


def _source(text: str) -> str:
    """Return the CSP source expression for an inline element with this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
