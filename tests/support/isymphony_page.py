"""The examples of the protocol's page, for the tests that run them."""

import json
import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "protocol" / "isymphony.md").read_text()


def section(title):
    """Return the text under a heading, up to the next one."""
    return re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]


def rows(title):
    """Return the cells of each row of the tables of a section, without their heads."""
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [row for number, row in enumerate(cells) if number]


def blocks(kind):
    """Return the code blocks in this language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def unquoted(cell):
    """Return the texts of a cell that are shown as code."""
    return re.findall(r"`([^`]*)`", cell)


LONG = json.dumps({"type": "filter", "filters": [], "correlationId": "x" * 1025})
MISTAKES = [
    (
        {"a binary message": b'{"type": "filter", "filters": []}'}.get(row[0])
        or (LONG if row[0].startswith("a `correlationId` of") else unquoted(row[0])[0]),
        row[1],
    )
    for row in rows("What a client can do wrong")
]
"""Pairs of an invalid message and the error of the reply."""

EVENTS = {
    "A": {"type": "userLogin", "time": 1, "username": "mikey", "port": 57042, "userId": None},
    "B": {"type": "userLogout", "time": 1, "username": "bob", "port": 57042, "userId": None},
    "C": {"type": "hangup", "time": 2, "username": None},
}
"""The events of the page's vectors."""

VECTORS = [
    ([tuple(one.split("=")) for one in unquoted(cell)], [] if let_in == "none" else let_in.split())
    for cell, let_in in rows("Filters")
]
"""Filters, and the events that match them."""
