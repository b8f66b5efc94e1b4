"""Plot the cost of an event against the number of peers, as SVG."""

from html import escape
from math import log10

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 160, 76, 56
APART = 18
"""Minimum distance between two labels, in pixels."""

LINES = {"ours": ("wsevents", "#0b63c5"), "peer": ("Nchan", "#b4481a")}
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

FRAME = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
     width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">
<title>{title}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="{left}" y="26" font-size="15" font-weight="600">{title}</text>
<text x="{left}" y="48" fill="#666">{caption}</text>
{body}
</svg>
"""


def plot(points, title, caption):
    """Return the plot of points with `peers`, `ours` and `peer`; the axis of peers is logarithmic."""
    across = _scale([log10(point["peers"]) for point in points])
    top = _ceiling(max(point[key] for point in points for key in LINES))
    ends = []
    body = [*_grid(top), *_axis(points, across)]
    for key, (label, colour) in LINES.items():
        places = [(across(log10(point["peers"])), _height(point[key], top)) for point in points]
        body += _line(places, colour)
        ends.append((places[-1][1], f"{label} {points[-1][key]:.1f} µs", colour))
    body += _labels(ends)
    words = {"title": escape(title), "caption": escape(caption), "body": "\n".join(body)}
    return FRAME.format(width=WIDTH, height=HEIGHT, left=LEFT, **words)


def _scale(values):
    low, high = min(values), max(values)
    span = high - low or 1
    return lambda value: LEFT + (value - low) / span * (WIDTH - LEFT - RIGHT)


def _step(highest):
    return next((step for step in STEPS if highest / step <= 6), STEPS[-1])


def _ceiling(highest):
    step = _step(highest)
    return step * (highest // step + 1)


def _height(value, top):
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)


def _grid(top):
    step = _step(top - 1e-9)
    for number in range(int(top / step) + 1):
        y = _height(number * step, top)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e3e3e3"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>'


def _axis(points, across):
    y = HEIGHT - BOTTOM + 20
    for point in points:
        x = across(log10(point["peers"]))
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{point["peers"]}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">peers (logarithmic)</text>'


def _line(places, colour):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _labels(ends):
    """Yield the label at the end of each line, from the lowest up, without overlaps."""
    limit = HEIGHT
    for y, text, colour in sorted(ends, reverse=True):
        limit = min(y, limit - APART)
        where = f'x="{WIDTH - RIGHT + 10}" y="{limit + 4:.1f}"'
        yield f'<text {where} fill="{colour}" font-weight="600">{escape(text)}</text>'
