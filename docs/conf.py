"""The configuration of Sphinx, which builds a website from the pages: `make docs`.

The source folder is the root of the repository; only the pages are included. So a link from a page to
another page or file is the same on the website as in the repository.
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
myst_heading_anchors = 4  # anchors of headings, as on repository hosts

templates_path = ["site"]
html_additional_pages = {"index": "index.html"}
html_theme = "alabaster"
html_theme_options = {
    "description": "Telephony events over WebSockets, for authorised clients",
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
    """Make the website's table of contents from the links on its first page, section by section."""
    if name != root_doc:
        return
    listed: set[str] = set()
    for section in source[0].split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        pages = [page for page in LINK.findall(text) if page not in listed]
        listed.update(pages)
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""])


def setup(app: "Sphinx") -> None:
    """Register `list_contents` to run before a page is parsed, and a lexer for haproxy."""
    app.connect("source-read", list_contents)
    app.add_lexer("haproxy", TextLexer)
