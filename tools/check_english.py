"""`python tools/check_english.py [PATH ...]`: find archaic words, metaphors and long sentences in prose.

Prose is the text of pages, manual pages and HTML, and the comments, docstrings and sentences in code.
Code is not prose: fenced blocks, text in backticks, link targets, URLs and identifiers are skipped.
Each finding is a line `FILE:LINE: WORD: REMEDY`. The exit status is 1 if there is any finding.

Without arguments the script checks `CHECKED`, as `make lint` does. To check another folder, add it there.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[1]
CHECKED = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Makefile",
    ".ci",
    "bench",
    "contrib",
    "debian",
    "docs",
    "etc",
    "tests",
    "tools",
    "twisted",
    "wsevents",
)
"""Files and folders to check."""
UNCHECKED = (
    "tests/docs/test_english.py",  # has wrong sentences for the check
    "tools/check_english.py",  # has the words
)
"""Files that are skipped below a checked folder. A path that is given as an argument is always checked."""
EXCEPTIONS = {
    ("tests/cli/test_check_config.py", "nobody"),  # the name of a user
    ("tests/cli/test_tail.py", "nobody"),  # the name of a host
    ("tests/integration/test_installation.py", "nobody"),  # the name of a user
}
"""Pairs of a file and a word that it may have."""
LONGEST = 40
"""Words of a sentence in a page, at most; aim at 25."""
SHORTEST = 3
"""Words of a string in code that counts as prose, at least."""

WORDS = {
    # Archaic words and inversions.
    r"anew|afresh": "again",
    r"for ever": "without limit, or: until SOMETHING happens",
    r"besides": "also, or: in addition to",
    r"amid|amidst|(?:in the )?midst": "among, or: during",
    r"whom|whomever": "name the actor",
    r"whoever|whosoever": "name the actor: the client, the operator, a program that",
    r"somebody|anybody|nobody|everybody": "name the actor",
    r"(?<![\"`'])(?-i:Who)(?! .*\?)": "name the actor: a client that, the operator",
    r"whatsoever|hitherto|heretofore|whence|thence|whither|thither": "omit it, or: until now, from there",
    r"(?:there|where|here)(?:of|in|upon|unto|to|with)": "of it, in it, to it",
    r"amongst": "among",
    r"whilst": "while",
    r"lest": "so that … not",
    r"albeit": "although",
    r"upon": "on",
    r"of old": "former, or: of version X",
    r"no more(?! than)": "no longer",
    r"but for": "except",
    r"by way of": "through",
    r"(?:there )?(?:is|are) (?-i:none)": "does not exist, or: has no X",
    r"one's|oneself": "its own, your own",
    r"dearer": "more expensive",
    r"mends?|mended|mending": "fix",
    r"told to go": "closed",
    r"vouch(?:es|ed)?": "sign, or: verify",
    # Metaphors and personification.
    r"newcomers?": "new connection, new client",
    r"strangers?": "unauthenticated client, or: third-party",
    r"visitors?": "client, connection",
    r"houses?": "name the object",
    r"doors?|doorkeepers?": "handshake",
    r"porch(?:es)?": "proxied connection",
    r"hatch(?:es)?": "accepting port",
    r"lobby|lobbies": "name the object",
    r"vigils?": "liveness check",
    r"knock(?:s|ed|ing)?": "connect",
    r"turnstiles?": "semaphore",
    r"inquir(?:y|ies)": "request",
    r"blam(?:e|es|ed|ing)": "cause, or: location of an error",
    r"testimon(?:y|ies)": "traceback",
    r"attendants?": "name the object",
    r"mishaps?": "error",
    r"goodbyes?|last words|first words": "close frame, or: last output, first output",
    r"(?:shake|shakes|shook|shaking) hands": "perform the handshake",
    r"hear|hears|heard|hearing": "receive",
    r"in a hurry": "wants to stop at once",
    r"hang(?:s|ing)? up|hung up": "close",
    r"by chance|order of chance": "at random, random order",
    r"weapons?": "attack",
    r"law of the house|the law": "rule",
    r"turned away": "rejected",
    r"thrown? out|throws? out": "disconnect",
    r"believ(?:e|es|ed|ing)": "trust",
    r"deaf|mute": "name what it does not do",
    r"without a word|in silence": "silently, or: without an answer",
    r"see to|sees to|looks? after|looked after": "check",
}
"""Patterns of words, and what to write instead."""
WORD = re.compile("|".join(rf"(?P<w{n}>\b(?:{word})\b)" for n, word in enumerate(WORDS)), re.IGNORECASE)
REMEDIES = list(WORDS.values())

CODE = re.compile(
    r"``.+?``|`[^`\n]+`|<?\b\w+://[^\s>)]+>?|\]\([^)]*\)|<!--.*?-->|[\w/-]+\.(?:md|py|html|yml)\b"
)
SENTENCE = re.compile(r"(?<=[.!?])[\"*)]*\s+(?=[\"*(\[`A-Z])")
ITEM = re.compile(r"\s*(?:[*-]|\d+\.)\s")


def page(text: str) -> Iterator[tuple[int, str]]:
    """Yield the prose of a Markdown page by line; fenced code and the table of `make bench` are left out."""
    skipping = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("```", "<!-- bench: ", "<!-- end of bench ")):
            skipping = not skipping
        elif not skipping:
            yield number, line


def manual(text: str) -> Iterator[tuple[int, str]]:
    """Yield the prose of a manual page by line; examples, requests and escapes are left out."""
    example = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith((".EX", ".EE")):
            example = line.startswith(".EX")
        elif not example:
            yield number, re.sub(r"\\f.|\\", "", re.sub(r"^\.[A-Z]+ ?", "", line))


class _Html(HTMLParser):
    """Collects text and comments, and the scripts by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            return
        lines = script(data) if self.inside == "script" else enumerate(data.splitlines(), 1)
        self.found += [(number + self.getpos()[0] - 1, line) for number, line in lines]

    def handle_comment(self, data: str) -> None:
        self.found += [(number + self.getpos()[0], line) for number, line in enumerate(data.splitlines())]


def html(text: str) -> Iterator[tuple[int, str]]:
    """Yield the text, the comments and the comments of scripts of an HTML page by line."""
    parser = _Html()
    parser.feed(text)
    yield from parser.found


def script(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of JavaScript, CSS or C by line."""
    pattern = r"/\*.*?\*/|(?<![:\w\"'`/])//[^\n]*"
    for found in re.finditer(pattern, text, re.DOTALL):
        first = text.count("\n", 0, found.start()) + 1
        yield from enumerate(found[0].splitlines(), first)


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield what follows a `#` in YAML, shell and the like, by line."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.search(r"(?:^|\s)#+\s(.*)", line):
            yield number, found[1]


def python(text: str) -> Iterator[tuple[int, str]]:
    """Yield comments and docstrings, and long strings: log lines, errors and help texts."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and len(node.value.split()) >= SHORTEST
        ):
            yield from enumerate(node.value.splitlines(), node.lineno)


READERS: dict[str, Callable[[str], Iterator[tuple[int, str]]]] = {
    **dict.fromkeys((".md", ".source"), page),
    ".8": manual,
    ".html": html,
    ".py": python,
    **dict.fromkeys((".js", ".css", ".c", ".h"), script),
    **dict.fromkeys((".yml", ".yaml", ".cfg", ".toml", ".service", ".socket", ".sh", ""), comments),
}


def words(text: str) -> Iterator[tuple[str, str]]:
    """Yield each bad word of a line with its remedy."""
    for found in WORD.finditer(CODE.sub(" CODE ", text)):
        yield found[0].lower(), REMEDIES[int(str(found.lastgroup)[1:])]


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs and list items of a page with their first lines; skip tables and headings."""
    first, block = 0, ""
    for number, line in [*page(text), (0, "")]:
        bare = line.strip()
        ends = not bare or bare.startswith(("|", "#", "<!--"))
        if block and (ends or ITEM.match(line) or number != first + block.count("\n")):
            yield first, block
            block = ""
        if not ends:
            first, block = (first, block) if block else (number, "")
            block += line + "\n"
    if block:
        yield first, block


def long_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of words of each sentence that is too long, with the first line of its paragraph."""
    for number, block in paragraphs(text):
        for sentence in SENTENCE.split(CODE.sub(" CODE ", block.replace("\n", " "))):
            count = sum(any(map(str.isalnum, word)) for word in sentence.split())
            if count > LONGEST:
                yield number, f"{count} words"


def findings(name: str, text: str) -> list[tuple[int, str, str]]:
    """Return line, word and remedy of each finding in a file, in the order of the file."""
    suffix = Path(name).suffix
    found = {
        (number, word, remedy)
        for number, line in READERS[suffix](text)
        for word, remedy in words(line)
        if (name, word) not in EXCEPTIONS
    }
    if suffix == ".md":
        advice = f"write sentences of at most {LONGEST} words, better 25"
        found |= {(number, count, advice) for number, count in long_sentences(text)}
    return sorted(found)


def files(paths: Sequence[str]) -> Iterator[Path]:
    """Yield each file with a reader at these paths; a relative path begins at the root of the repository."""
    for path in paths:
        top = ROOT / path
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            skipped = file != top and named(file) in UNCHECKED
            if file.is_file() and not skipped and file.suffix in READERS and "node_modules" not in file.parts:
                yield file


def named(file: Path) -> str:
    """Return a file's path, relative to the repository if it is in it."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def main(paths: Sequence[str]) -> int:
    """Check these paths, or `CHECKED`; print the findings and return the exit status."""
    status = 0
    for file in files(paths or CHECKED):
        for number, word, remedy in findings(named(file), file.read_text("utf-8")):
            sys.stdout.write(f"{named(file)}:{number}: {word}: {remedy}\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
