"""The live page as one document. Style and script are inline, so that a browser fetches nothing else."""

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
"""Scripts before and after those of the dialects. All of them are joined to one script."""
_ABNORMAL = 1006
"""The code that a browser reports if there was no close frame (RFC 6455 section 7.4.1)."""


@frozen
class Page:
    """The page with its content security policy (CSP, level 3).

    Attributes:
        html: the document, in UTF-8.
        script, style: the CSP source expressions of the inline script and style.
    """

    html: bytes
    script: str
    style: str

    def policy(self, host: str | None, *, secure: bool) -> str:
        """Return the header Content-Security-Policy for a request.

        The policy contains the address of the WebSocket, because 'self' does not include it in every browser.

        Args:
            host: the header Host of the request, or None.
            secure: whether the request came over TLS; without TLS, `ws:` is permitted too.
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
    """Return the page, from the files of this package.

    Args:
        publish: whether the page has the form for publishing.
        scripts: the page scripts of the dialects, in the format that `protocols.js` describes.
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
    """Return all close reasons that a browser can receive, as JSON for a script element."""
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
    # "<" could end the element. In JSON it occurs in strings only.
    return json.dumps(table).replace("<", "\\u003c")


def _read(name: str) -> str:
    return files("wsevents.web").joinpath(name).read_text("utf-8")


def _source(text: str) -> str:
    """Return the CSP source expression for an inline element with this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
