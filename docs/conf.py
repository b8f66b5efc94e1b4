"""How Sphinx makes a site of the pages: `make docs`.

Its source is the root of the repository, of which it takes the pages alone. So a link from one page to
another, or to any other file, is the same on the site as it is in the repository.
"""

import re
from typing import TYPE_CHECKING

from pygments.lexers import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "wsevents"
author = "The wsevents authors"
project_copyright = author

extensions = ["myst_parser"]
include_patterns = ["docs/**.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"]
root_doc = "docs/README"
myst_heading_anchors = 4  # links to headings are written as repositories show them

templates_path = ["site"]
html_additional_pages = {"index": "index.html"}
html_theme = "alabaster"
html_theme_options = {
    "description": "Telephony events, pushed to whoever may see them",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "sidebar_width": "260px",
    "show_powered_by": False,
}
html_title = project
html_show_sourcelink = False
html_copy_source = False

LINK = re.compile(r"\]\(([^)#:]+)\.md\)")


def list_contents(_: "Sphinx", name: str, source: list[str]) -> None:
    """Make the site's contents of the links on its first page, section by section."""
    if name != root_doc:
        return
    listed: set[str] = set()
    for section in source[0].split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        pages = [page for page in LINK.findall(text) if page not in listed]
        listed.update(pages)
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""])


def setup(app: "Sphinx") -> None:
    """Have it done before the page is read."""
    app.connect("source-read", list_contents)
    app.add_lexer("haproxy", TextLexer)
