"""docs/operating/log-messages.md has a row for each log message that needs action, and no other rows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating" / "log-messages.md").read_text()
ERRORS = re.findall(r"(?m)^\| (?:`([^`|]+)`) \| (?:78|1|later) \| .+ \|$", PAGE)
"""Lines that have a row among the errors that an operator meets."""
LEVELS = ("debug", "info", "warn", "error", "critical", "failure")
OF_OTHERS = {"wsevents/client"}
"""What runs in programs of others, not in the gateway."""
OF_TWISTED = {"EMFILE encountered"}
"""Lines in the table that are not ours."""
ROWS = [
    (text, levels)
    for said, levels in re.findall(r"(?m)^\| (`.*`) \| ((?:(?:info|warn|error)(?:, )?)+) \| .+ \|$", PAGE)
    for text in re.findall(r"`([^`]+)`", said)
]


def formats(source):
    """Yield level, line and text of each message that a module can log."""
    tree = ast.parse(source)
    named = [
        (node.lineno, ast.unparse(target), node.value.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=logger, attr=level), args=[text, *_]) if (
                level in LEVELS and ast.unparse(logger).split(".")[-1] in {"log", "_log"}
            ):
                said = [
                    value for line, name, value in named if name == ast.unparse(text) and line < node.lineno
                ]
                yield level, node.lineno, text.value if isinstance(text, ast.Constant) else said[-1]


def messages():
    """Return level, place and text of each message that the gateway can log."""
    found = []
    for file in sorted((ROOT / "wsevents").rglob("*.py")):
        name = str(file.relative_to(ROOT))
        if not any(name.startswith(other) for other in OF_OTHERS):
            found += [(level, f"{name}:{line}", text) for level, line, text in formats(file.read_text())]
    return found


def shape(text):
    """Return what a row must match to be that of a message: each field is some word of the page's.

    A row that ends with "…" leaves out the words after the last field that it has.
    """
    parts = [re.escape(part) for part in re.split(r"\{[^}]*\}", text)]
    *_, last = beginnings = [".+?".join(parts[:count]) for count in range(2, len(parts) + 1)] or parts
    return re.compile("|".join([*(f"{one}.*…" for one in beginnings), last]), re.DOTALL)


def documented(level, text):
    rows = [row for row, levels in ROWS if level in levels] + ERRORS
    return any(shape(text).fullmatch(row) for row in rows)


ASKING = [one for one in messages() if one[0] in {"warn", "error"}]


@pytest.mark.parametrize(("level", "place", "text"), ASKING, ids=[place for _, place, _ in ASKING])
def test_every_warning_and_every_error_has_a_row(level, place, text):
    assert documented(level, text), (
        f"{place} logs {text!r} at {level}: put a row into the table of docs/operating/log-messages.md, "
        "with a word in capitals for each field"
    )


@pytest.mark.parametrize(("row", "levels"), ROWS)
def test_every_row_is_of_a_message_that_there_is(row, levels):
    known = [text for level, _, text in messages() if level in levels and re.sub(r"\{[^}]*\}|\W", "", text)]
    assert row in OF_TWISTED or any(shape(text).fullmatch(row) for text in known), f"nothing logs {row!r}"


def test_a_message_is_found_wherever_its_logger_and_its_text_are():
    source = (
        '_LINE = "c {d}"\n_log.warn("a")\nself._log.error(_LINE, d=1)\nif 1:\n    x = "x"\n    log.info(x)\n'
    )
    assert list(formats(source)) == [("warn", 2, "a"), ("error", 3, "c {d}"), ("info", 6, "x")]


def test_a_row_is_that_of_a_message_only_with_all_its_words():
    assert shape("{name} does not end, {why}").fullmatch("worker N does not end, WHY")
    assert not shape("{name} does not end, {why}").fullmatch("worker N ends, WHY")


def test_a_row_may_end_with_dots():
    assert shape("from {address} {what} (of {count})").fullmatch("from ADDRESS was refused …")
    assert not shape("from {address} {what} (of {count})").fullmatch("to ADDRESS was refused …")
