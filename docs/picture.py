"""The picture of docs/architecture.md: an event's way and a frame's way through the modules.

Each step names the class or function that does it. The picture is made only if all of them exist, and a
test compares it with the file, so a renamed module or a step that is gone is noticed.
"""

from __future__ import annotations

from html import escape
from pydoc import locate

from attrs import frozen

WIDTH, TOP, STEP, BOX, GAP = 1000, 84, 62, 46, 16
COLUMNS = ((24, 460), (516, 460))
"""Left edge and width of the two columns, in pixels."""

FRAME = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
     width="{width}" height="{height}"
     font-family="system-ui, sans-serif" font-size="13" fill="#1d2733">
<title>An event's way and a frame's way through wsevents</title>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L10 5L0 10z" fill="#4a5a6a"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
{body}
</svg>
"""


@frozen
class Stage:
    """One box: what happens, and the name below `wsevents` of what does it; `decides`: without I/O."""

    text: str
    name: str
    decides: bool = False

    @property
    def place(self) -> str:
        """Return the file, and what in it; raises ValueError if it does not exist."""
        if locate(f"wsevents.{self.name}") is None:
            raise ValueError(f"wsevents.{self.name} does not exist; correct docs/picture.py")
        parts = self.name.split(".")
        module = next(n for n in range(len(parts), 0, -1) if _is_module(".".join(parts[:n])))
        return f"{'/'.join(parts[:module])}.py  {'.'.join(parts[module:])}"


EVENT = (
    Stage("RabbitMQ delivers a message", "buses.amqp.bus.AmqpBus"),
    Stage("the message becomes an event, or is dropped", "core.wazo_events.HeadersSource.decode", True),
    Stage("for each dialect with subscribers", "delivery.relay.Relay.delivered"),
    Stage("the dialect says where the event may be wanted", "dialects.wazo.interest.project", True),
    Stage("the index finds the audiences at these addresses", "core.index.Index.at", True),
    Stage("each audience decides once: who may see it", "dialects.wazo.interest.WazoInterest.choose", True),
    Stage("the dialect encodes it once per shape", "dialects.wazo.dialect.WazoDialect.encode", True),
    Stage("one frame, shared by all peers", "core.websocket_frames.Message", True),
    Stage("one bounded queue per peer", "delivery.send_queue.SendQueue.event"),
    Stage("encrypted and written to the socket", "delivery.writers.make_writer"),
)
FRAMES = (
    Stage("a client connects to a listener", "connections.listeners.OpenListener"),
    Stage("a trusted proxy names the client's address", "core.proxy_protocol.read", True),
    Stage("admission: whose handshake is next", "core.admission.Admission", True),
    Stage("the head of the HTTP request is read", "connections.handshake.Handshake"),
    Stage("Autobahn speaks WebSocket; Site serves the page", "connections.websocket.Peer"),
    Stage("facts and messages wait in order", "core.inbox.Inbox", True),
    Stage("the session answers each with effects", "dialects.wazo.session.WazoSession", True),
    Stage("the runner executes the effects", "connections.session_runner.SessionRunner"),
    Stage("Ask: the authenticator or the dialect's authority", "auth.lookup_cache.LookupCache.answer"),
    Stage("Subscribe: interests, and bindings at the broker", "delivery.bindings.Bindings"),
)


def picture() -> str:
    """Return the picture as SVG. Raises ValueError: a step names something that does not exist."""
    body = []
    for (left, width), title, steps in zip(
        COLUMNS, ("An event's way", "A frame's way"), (EVENT, FRAMES), strict=True
    ):
        body.append(f'<text x="{left}" y="36" font-size="18" font-weight="600">{escape(title)}</text>')
        body += [_box(step, left, TOP - 24 + STEP * at, width) for at, step in enumerate(steps)]
        body += [_arrow(left + 28, TOP - 24 + STEP * at + BOX) for at in range(len(steps) - 1)]
    bottom = TOP + STEP * max(len(EVENT), len(FRAMES))
    body += [_legend(bottom - 8)]
    return FRAME.format(width=WIDTH, height=bottom + 24, body="\n".join(body))


def _is_module(name: str) -> bool:
    return type(locate(f"wsevents.{name}")).__name__ == "module"


def _box(step: Stage, left: int, top: int, width: int) -> str:
    fill = "#e8f3ea" if step.decides else "#eef2f7"
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{BOX}" rx="6" fill="{fill}" stroke="#9aa9b8"/>\n'
        f'<text x="{left + 14}" y="{top + 19}" font-weight="600">{escape(step.text)}</text>\n'
        f'<text x="{left + 14}" y="{top + 37}" font-family="monospace" fill="#51606f">'
        f"{escape(step.place)}</text>"
    )


def _arrow(x: int, y: int) -> str:
    return f'<path d="M{x} {y}v{GAP - 2}" stroke="#4a5a6a" marker-end="url(#tip)"/>'


def _legend(y: int) -> str:
    left = COLUMNS[0][0]
    return (
        f'<rect x="{left}" y="{y}" width="14" height="14" fill="#e8f3ea" stroke="#9aa9b8"/>\n'
        f'<text x="{left + 22}" y="{y + 12}">decides: no I/O, no clock, no Twisted</text>\n'
        f'<rect x="{left + 300}" y="{y}" width="14" height="14" fill="#eef2f7" stroke="#9aa9b8"/>\n'
        f'<text x="{left + 322}" y="{y + 12}">does I/O, and makes no decision</text>'
    )
