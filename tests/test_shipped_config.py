"""The shipped configuration file has every key in its section, with a comment and its default."""

import re
from pathlib import Path

import attrs
import pytest
import yaml
from attrs import define, field

from tests.support.certificates import write_pair
from wsevents.api.settings import (
    Config,
    Drain,
    Limits,
    ListenEntry,
    Log,
    OutboundSettings,
    StatusSettings,
    WebSocket,
)
from wsevents.auth.static import StaticToken
from wsevents.config.loader import load, parse
from wsevents.config.plugins import Plugins

SHIPPED = Path(__file__).parents[1] / "etc" / "wsevents" / "config.yml"
OPEN = 'listen: ["tcp:9502"]\n'
LINE = re.compile(r"(?P<indent> *)(?P<name>[a-z][a-z_-]*):(?: |$)(?P<rest>.*)")


def shipped(tmp_path):
    """Return the text of the shipped file, with a key and a certificate that exist here."""
    key, certificate = write_pair(tmp_path)
    text = SHIPPED.read_text()
    text = text.replace("/etc/wsevents/ssl/server.key", str(key))
    return text.replace("/etc/wsevents/ssl/server.crt", str(certificate))


def alternative():
    """Return the commented example of static tokens at the end of the shipped file."""
    text = SHIPPED.read_text()
    block = re.match(r"(# .*\n|#\n)+", text[text.index("# auth:\n") :]).group()
    return re.sub(r"(?m)^# ?", "", block)


@define
class Outline:
    """Return the keys of a YAML text in block style, each with its sections.

    Attributes:
        keys: way to a key -> whether a comment stands on its line or just before it.
    """

    keys: dict[tuple[str, ...], bool] = field(factory=dict)

    @classmethod
    def of(cls, text):
        outline, way, explained = cls(), [], False
        for line in text.splitlines():
            if match := LINE.fullmatch(line):
                depth = len(match["indent"])
                way = [one for one in way if one[0] < depth] + [(depth, match["name"])]
                said = explained or bool(re.search(r"(^| )# \w", match["rest"]))
                outline.keys[tuple(name for _, name in way)] = said
            explained = line.lstrip().startswith("# ") or (explained and line.strip() == "#")
        return outline


def names(kind):
    return {each.name for each in attrs.fields(kind)}


def expected():
    """Return the path of every key that the file must have."""
    found = Plugins()
    sections = {
        (): Config,
        ("bus",): found.bus("amqp").settings,
        ("auth",): found.authenticator("wazo").settings,
        ("websocket",): WebSocket,
        ("limits",): Limits,
        ("outbound",): OutboundSettings,
        ("drain",): Drain,
        ("log",): Log,
        ("status",): StatusSettings,
        ("dialects", "wazo"): found.dialect("wazo").settings,
    }
    ways = {(*way, name) for way, kind in sections.items() for name in names(kind)}
    return ways | {("dialects", "wazo")}


def explained(text):
    return {way for way, said in Outline.of(text).keys.items() if said}


def test_the_shipped_file_has_every_key_at_its_default(tmp_path):
    given = parse(shipped(tmp_path), str(SHIPPED), Plugins(), {})
    defaults = parse(OPEN, "defaults", Plugins(), {})
    assert attrs.evolve(given, listen=[]) == attrs.evolve(defaults, listen=[])


def test_the_shipped_listener_is_the_default():
    (endpoint,) = yaml.safe_load(SHIPPED.read_text())["listen"]
    assert [ListenEntry(endpoint)] == Config().listen


def test_the_shipped_file_has_every_key_in_its_section_with_a_comment():
    # This key is a comment in the file, because even null would override XIVO_UUID of the environment.
    text = SHIPPED.read_text().replace("\n# origin_uuid: null\n", "\norigin_uuid: null\n")
    assert set(Outline.of(text).keys) == expected()
    assert expected() - explained(text) == set()


def test_a_bus_or_an_authenticator_of_another_type_has_no_keys_that_the_file_does_not_explain():
    found = Plugins()
    memory, static = found.bus("memory").settings, found.authenticator("static").settings
    assert {("bus", name) for name in names(memory)} <= expected()
    assert {("auth", name) for name in names(static)} - expected() == {("auth", "tokens")}


def test_the_example_of_static_tokens_is_valid_and_complete():
    text = alternative()
    given = parse(OPEN + text, "example", Plugins(), {})
    (token,) = given.auth.tokens
    section = ("auth", "tokens", token)
    wanted = {("auth", "type"), ("auth", "tokens")} | {(*section, name) for name in names(StaticToken)}
    assert set(Outline.of(text).keys) == wanted | {("auth",), section}
    assert wanted - explained(text) == set()


def test_the_example_of_listeners_is_valid():
    (line,) = re.findall(r"(?m)^# +(- \{endpoint: .*\})$", SHIPPED.read_text())
    (listener,) = parse(f"listen:\n  {line}\n", "example", Plugins(), {}).listen
    assert listener.dialects == ["wazo"]


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("  heartbeat: 10\n", "", ("bus", "heartbeat")),
        ("  vhost: /\n", "vhost: /\n", ("bus", "vhost")),
        ("  username: guest", "  username: guest\n", ("bus", "username")),
        ("  # Prefix of its paths", "\n", ("auth", "prefix")),
    ],
)
def test_a_key_that_is_missing_misplaced_or_unexplained_is_found(before, after, missing):
    text = SHIPPED.read_text()
    assert before in text
    line = next(line for line in text.splitlines(keepends=True) if line.startswith(before.rstrip("\n")))
    assert missing in explained(text)
    assert missing not in explained(text.replace(line, after))


def test_a_file_of_conf_d_may_choose_another_kind_of_bus_and_authenticator(tmp_path):
    (tmp_path / "config.yml").write_text(shipped(tmp_path))
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "alternative.yml").write_text(alternative() + "bus: {type: memory}\n")
    given = load(tmp_path / "config.yml", Plugins(), {})
    assert (given.bus.type, given.auth.type) == ("memory", "static")
