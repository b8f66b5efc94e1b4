"""tools/check_english.py finds bad words and long sentences in prose, and leaves code alone."""

import subprocess
import sys

import pytest

from tools.check_english import CHECKED, EXCEPTIONS, LONGEST, ROOT, UNCHECKED, WORDS, files, findings, named

SCRIPT = ROOT / "tools" / "check_english.py"


def found(name, text):
    """Return line and word of each finding."""
    return [(line, word) for line, word, _ in findings(name, text)]


@pytest.mark.parametrize(
    ("name", "text", "line", "word"),
    [
        ("a.md", "One line.\n\nWhoever connects is served.\n", 3, "whoever"),
        ("a.md", "* The gateway tries for\n  ever.\n* It declares all anew.\n", 3, "anew"),
        ("a.md", "| key | meaning |\n|---|---|\n| `a` | newcomers wait |\n", 3, "newcomers"),
        ("a.md", "```sh\nmake\n```\n\nIt is no more.\n", 5, "no more"),
        ("a.8", ".SH NAME\n.B newcomers\n", 2, "newcomers"),
        ("a.html", "<p>Hello</p>\n<p>A\nvisitor came</p>\n", 3, "visitor"),
        ("a.html", "<script>\n// whoever\n</script>\n", 2, "whoever"),
        ("a.html", "<!-- a\n whoever -->\n", 2, "whoever"),
        ("a.js", "x = 1; // as of old\n", 1, "of old"),
        ("a.yml", "a: 1\nb: 2  # for whom\n", 2, "whom"),
        ("a.py", "x = 1  # amid all\n", 1, "amid"),
        ("a.md", "It is closed. Who connects gets the new one.\n", 1, "who"),
        ("a.py", '"""A module.\n\nBesides, it is here.\n"""\n', 3, "besides"),
        ("a.py", 'log.warn("the peer is told to go: {why}", why=1)\n', 1, "told to go"),
        ("a.py", 'raise ValueError(f"there is none like {x}")\n', 1, "there is none"),
    ],
)
def test_a_bad_word_in_prose_is_found_with_its_line(name, text, line, word):
    assert found(name, text) == [(line, word)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "```python\nprint('whoever')  # anew\n```\n"),
        ("a.md", "* An item:\n\n  ```sh\n  echo anew\n  ```\n"),
        ("a.md", "The function `knock` and the key `a.whoever`.\n"),
        ("a.md", "See [the list](whoever.md#anew) and <https://example.org/anew> or knock.py.\n"),
        ("a.md", "<!-- examples/anew.py -->\n"),
        ("a.md", "The names knock_twice, Doorbell and no more than 10.\n"),
        ("a.8", ".EX\nwhoever\n.EE\n"),
        ("a.html", "<style>/* anew */</style><p class='door'>text</p>\n"),
        ("a.js", 'url = "https://example.org/anew";\nwhoever();\n'),
        ("a.yml", "door: anew\n"),
        ("a.py", "door = knock(house, 'anew')\n"),
        ("a.py", "x = y  # the default is None\n"),
        ("a.md", "Who may see an event?\n"),
    ],
)
def test_code_is_not_prose(name, text):
    assert findings(name, text) == []


def sentence(count):
    return "Word" + " word" * (count - 1) + "."


def test_a_long_sentence_of_a_page_is_found_with_the_first_line_of_its_paragraph():
    text = f"A title\n\n* Short. {sentence(LONGEST + 1)}\n"
    assert found("a.md", text) == [(3, f"{LONGEST + 1} words")]


@pytest.mark.parametrize(
    "text",
    [
        f"{sentence(LONGEST)} {sentence(LONGEST)}\n",
        f"| {sentence(LONGEST + 1)} |\n",
        f"```\n{sentence(LONGEST + 1)}\n```\n",
        f"* {sentence(LONGEST)}\n* {sentence(LONGEST)}\n",
        f"# {sentence(LONGEST)}\n{sentence(LONGEST)}\n",
    ],
)
def test_sentences_that_are_short_enough_tables_and_code_are_not_found(text):
    assert findings("a.md", text) == []


def test_a_finding_names_the_remedy():
    assert findings("a.md", "Again and anew.\n") == [(1, "anew", "again")]


def test_the_script_ends_with_1_and_a_line_for_each_finding(tmp_path):
    (tmp_path / "a.md").write_text("It is done anew.\n")
    run = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, f"{tmp_path}/a.md:1: anew: again\n")


def test_the_script_ends_with_0_if_it_finds_nothing(tmp_path):
    (tmp_path / "a.md").write_text("It is done again.\n")
    run = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_checked_files_are_found_and_in_plain_english():
    checked = list(files(CHECKED))
    assert len(checked) > 40
    assert [one for file in checked for one in findings(named(file), file.read_text())] == []


def test_every_path_and_every_exception_is_of_a_file_that_exists():
    assert all((ROOT / path).exists() for path in (*CHECKED, *UNCHECKED))
    text = {path: (ROOT / path).read_text().lower() for path, _ in EXCEPTIONS}
    assert all(word in text[path] for path, word in EXCEPTIONS)


def test_every_word_has_a_remedy():
    assert len(WORDS) > 40
    assert all(WORDS.values())
