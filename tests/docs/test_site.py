"""The site of the documentation: it is built without a warning, and needs nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
FETCHED = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*?\b(?:src|href)=["'](?:https?:)?//[^"']*""")
LINK = re.compile(r"\]\(<?([^()\s>]+)>?\)")


def build(folder):
    """Build the site into a folder; return what Sphinx says when it is not content."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-E",
        "-c",
        ROOT / "docs",
        ROOT,
        folder,
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if run.returncode == 0 else run.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    complaints = build(folder)
    assert complaints is None, complaints
    return folder


def test_it_is_built_without_a_warning_and_has_every_page(site):
    there = {file.relative_to(site).with_suffix(".md") for file in site.rglob("*.html")}
    assert {page.relative_to(ROOT) for page in PAGES} <= there
    assert (site / "index.html").is_file()


def test_it_can_be_read_without_a_network(site):
    for file in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = file.read_text()
        assert FETCHED.findall(text) == [], file
        assert "@import url(http" not in text, file


def anchors(page):
    """Return the anchors of a page, as repositories make them of its headings."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    titles = re.findall(r"(?m)^#+ (.+)$", text)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).strip().lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


def links(page):
    """Return the links of a page that lead to files of the repository."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text())
    text = re.sub(r"`[^`\n]*`", "", text)
    return [link for link in LINK.findall(text) if not re.match(r"\w+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere_in_the_repository(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_links_are_found():
    assert sum(len(links(page)) for page in PAGES) > 60
