"""`python -m docs`: writes what the pages have from the code and the examples; `make docs` does it first."""

from __future__ import annotations

import re
from pathlib import Path

from docs.reference import reference

PAGES = Path(__file__).parent
EXCERPT = re.compile(r"(?ms)^(<!-- (?P<file>examples/\S+) -->\n\n```\w+\n).*?^```$")
"""Where an example stands in a page: after a comment with its name, in a fence."""


def pages() -> dict[Path, str]:
    """Return what is written, by page: each whole text, as it has to be."""
    texts = {page: page.read_text("utf-8") for page in sorted(PAGES.rglob("*.md"))}
    texts = {page: EXCERPT.sub(_example, text) for page, text in texts.items() if EXCERPT.search(text)}
    return texts | {PAGES / "configuration.md": reference()}


def _example(found: re.Match[str]) -> str:
    return f"{found[1]}{(PAGES / found['file']).read_text('utf-8')}```"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, "utf-8")
