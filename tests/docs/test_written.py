"""What the pages have from the code and from the examples is as it is there."""

import re
from typing import get_type_hints

import attrs
import pytest
from attrs import NOTHING, field, frozen

from docs.__main__ import PAGES, pages
from docs.reference import Page, Part, reference
from wsevents.api.settings import Config, key, one_of, within
from wsevents.config.plugins import Plugins


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_is_written_by_a_program_is_up_to_date(page):
    assert page.read_text() == pages()[page], f"{page.name} is not what the code says: run `make docs`"


def test_every_example_stands_in_a_page():
    text = "".join(page.read_text() for page in PAGES.rglob("*.md"))
    assert [
        file.name
        for file in sorted((PAGES / "examples").iterdir())
        if file.is_file() and f"<!-- examples/{file.name} -->" not in text
    ] == []


def keys(kind):
    return {each.name for each in attrs.fields(kind)}


def sections():
    """Return the keys of each section of the configuration."""
    found = Plugins()
    kinds = {name: [kind] for name, kind in get_type_hints(Config).items() if attrs.has(kind)}
    kinds["bus"] += [found.bus(name).settings for name in ("amqp", "memory")]
    kinds["auth"] += [found.authenticator(name).settings for name in ("wazo", "static")]
    for name in ("wazo", "voipbin", "isymphony", "innovaphone"):
        kinds[f"dialects.{name}"] = [found.dialect(name).settings]
    return {name: {key for kind in some for key in keys(kind)} for name, some in kinds.items()}


def test_every_key_of_every_section_is_in_the_reference():
    text = reference()
    rows = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert keys(Config).union(*sections().values()) - rows == set()
    assert [name for name in sections() if f"# {name}\n" not in text] == []


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.md")), ids=lambda page: page.name)
def test_every_key_that_a_page_names_is_one(page):
    known = sections()
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text())
    for section, name in re.findall(r"`((?:dialects\.)?[a-z]+)\.([a-z_]+)`", text):
        assert section not in known or known[section] & {name, name.removesuffix("_file")}, (section, name)


@frozen(kw_only=True)
class Inner:
    """`inner:`, what is within."""

    word: str = field(default="a", validator=one_of("a", "b"), metadata={"doc": "A word.", "live": True})


@frozen(kw_only=True)
class Outer:
    """`outer:`, a section."""

    seconds: float = key(60.0, "How long.", check=within(1, 86400))
    secret: str = key(NOTHING, "A password.", secret=True)
    others: dict[str, Inner] = key({}, "Others.")


def test_a_key_is_shown_with_its_sentence_its_default_and_what_it_may_be():
    page = Page()
    page.write(Part("outer", Outer))
    assert (
        "\n".join(page.lines)
        == """\
## outer

`outer:`, a section.

| key | what it is | default | must be |
|---|---|---|---|
| `seconds` | How long. | `60` | a number; from 1 to 86400 |
| `secret` | A password. *Secret.* | required | text |
| `others` | Others. | `{}` | a mapping of NAME to a section |

### outer.others.NAME

`inner:`, what is within.

| key | what it is | default | must be |
|---|---|---|---|
| `word` | A word. *Live.* | `"a"` | text; one of a, b |
"""
    )
