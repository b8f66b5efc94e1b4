"""docs/closings.md has every reason for which a session can end, in the words of the code."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import wsevents
from wsevents.api import close_reasons
from wsevents.api.close_reasons import Advice, CloseReason

DOCS = Path(__file__).parents[2] / "docs"
PAGE, EXAMPLES = (DOCS / "closings.md").read_text(), DOCS / "examples"
SENT, UNSENT = (
    PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    for title in ("Sent by the gateway", "Without a close frame")
)


def rows(text):
    """Return the cells of the rows of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def closings():
    """Return every closing that any module of wsevents names."""
    names = [found.name for found in pkgutil.walk_packages(wsevents.__path__, "wsevents.")]
    modules = [import_module(name) for name in names if not name.endswith("__main__")]
    return {one for module in modules for one in vars(module).values() if isinstance(one, CloseReason)}


def test_every_closing_has_a_row_with_its_meaning_and_its_advice():
    there = {(code, reason.strip("`"), meaning, advice) for code, reason, meaning, advice, _ in rows(SENT)}
    there |= {("-", "", meaning, advice) for meaning, advice, _ in rows(UNSENT)}
    wanted = {(str(one.code or "-"), one.reason, one.meaning, one.advice.value) for one in closings()}
    assert wanted - there == set(), "these closings have no row in docs/closings.md"
    assert there - wanted == set(), "these rows of docs/closings.md are of no closing"


def test_the_page_lists_every_advice_once_in_the_order_of_the_code():
    (listed,) = re.findall(r"A client should do one of these:\n\n(.*?)\n## ", PAGE, re.DOTALL)
    assert re.findall(r"^\* \*\*(.+?)\*\*[:;.]", listed, re.MULTILINE) == [advice.value for advice in Advice]
    assert len(re.findall(r"^\* ", listed, re.MULTILINE)) == len(Advice)


def test_every_row_tells_the_operator_what_to_do():
    assert len(rows(SENT)) >= 15
    assert all(row[-1] for row in [*rows(SENT), *rows(UNSENT)])


@pytest.mark.parametrize("name", ["wazo.py", "wazo.js", "wazo.html"])
def test_the_examples_give_up_where_no_other_attempt_would_do_better(name):
    (table,) = re.findall(r"USELESS = [\[{](.*?)\n[\]}]", (EXAMPLES / name).read_text(), re.DOTALL)
    named = [(int(code), reason) for code, reason in re.findall(r'[(\[](\d+), "(.*?)"[)\]],', table)]
    hopeless = {Advice.FIX, Advice.ASK}
    known = [
        one for one in vars(close_reasons).values() if isinstance(one, CloseReason) and one.code is not None
    ]
    assert sorted(named) == sorted((one.code, one.reason) for one in known if one.advice in hopeless)
