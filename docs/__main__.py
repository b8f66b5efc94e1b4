"""`python -m docs`: write the parts of pages that come from code and examples. `make docs` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from docs.picture import picture
from docs.reference import reference

PAGES = Path(__file__).parent
EXCERPT = re.compile(r"(?ms)^(<!-- (?P<file>examples/\S+) -->\n\n```\w+\n).*?^```$")
"""An example in a page: a comment with its name, followed by a fenced block."""
CONTENTS = re.compile(r"(?m)^<!-- contents -->\n\n(?:\* .*\n)*")
"""The list of sections in a page."""
FENCED = re.compile(r"(?ms)^ *```.*?^ *```$")


def pages() -> dict[Path, str]:
    """Return the whole text of each page and picture that has generated parts, by its path."""
    texts = {page: page.read_text("utf-8") for page in sorted(PAGES.rglob("*.md"))}
    written = {page: EXCERPT.sub(_example, CONTENTS.sub(_contents, text)) for page, text in texts.items()}
    marked = {page: text for page, text in written.items() if EXCERPT.search(text) or CONTENTS.search(text)}
    return marked | {PAGES / "configuration.md": reference(), PAGES / "architecture.svg": picture()}


def anchor(title: str) -> str:
    """Return the anchor of a heading, as MyST and repository hosts make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _example(found: re.Match[str]) -> str:
    return f"{found[1]}{(PAGES / found['file']).read_text('utf-8')}```"


def _contents(found: re.Match[str]) -> str:
    titles = re.findall(r"(?m)^## (.+)$", FENCED.sub("", found.string))
    return "<!-- contents -->\n\n" + "".join(f"* [{title}](#{anchor(title)})\n" for title in titles)


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, "utf-8")
