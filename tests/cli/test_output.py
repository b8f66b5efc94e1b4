"""The output of commands."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.support.shell import wsevents
from wsevents.cli.output import printable


@given(st.text(st.characters()))
def test_output_has_only_printable_characters(text):
    assert printable(text).isprintable()


@given(st.text())
def test_escaped_json_is_the_same_json(text):
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_characters_that_the_terminal_cannot_show_are_escaped(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text("""
listen: ["tcp:0"]
bus: {type: memory}
auth: {type: static, tokens: {t: {uuid: "€", tenant_uuid: t1, acl: [websocketd]}}}
""")
    done = wsevents("token", "t", "--config", file, PYTHONIOENCODING="latin-1")
    assert (done.status, done.lines[0]) == (0, r"user      \u20ac")
