"""The configuration file that is shipped: every key is in it, explained, at its default."""

import re
from pathlib import Path

import attrs
import pytest
import yaml

from tests.certificates import write_pair
from wsevents.config import parse
from wsevents.plugins import Plugins
from wsevents.settings import Auth, Bus, Config, Limits, Outbound, WebSocket

SHIPPED = Path(__file__).parents[1] / "etc" / "wsevents" / "config.yml"
OPEN = 'listen: ["tcp:9502"]\n'


def shipped(tmp_path):
    """Return the text of the shipped file, with a key and a certificate that exist here."""
    key, certificate = write_pair(tmp_path)
    text = SHIPPED.read_text()
    text = text.replace("/etc/wsevents/ssl/server.key", str(key))
    return text.replace("/etc/wsevents/ssl/server.crt", str(certificate))


def test_the_shipped_file_has_every_key_at_its_default(tmp_path):
    given = parse(shipped(tmp_path), str(SHIPPED), Plugins(), {})
    defaults = parse(OPEN, "defaults", Plugins(), {})
    assert attrs.evolve(given, listen=[]) == attrs.evolve(defaults, listen=[])


def test_the_shipped_listener_is_the_default_one():
    assert yaml.safe_load(SHIPPED.read_text())["listen"] == Config().listen


@pytest.mark.parametrize("kind", [Config, WebSocket, Limits, Outbound, Bus, Auth])
def test_the_shipped_file_explains_every_key(kind):
    for field in attrs.fields(kind):
        assert re.search(rf"^[ #]*{field.name}:", SHIPPED.read_text(), re.MULTILINE), field.name


def test_the_shipped_file_explains_every_key_of_the_built_in_plugins():
    found = Plugins()
    kinds = [found.bus("amqp"), found.bus("memory"), found.dialect("wazo")]
    kinds += [found.authenticator("wazo"), found.authenticator("static")]
    for kind in kinds:
        for field in attrs.fields(kind.settings):
            assert re.search(rf"^[ #]*{field.name}:", SHIPPED.read_text(), re.MULTILINE), field.name


def test_what_the_shipped_file_shows_in_comments_works_too(tmp_path):
    text = shipped(tmp_path)
    alternative = text[text.index("# auth:\n") :]
    block = re.match(r"(# .*\n|#\n)+", alternative).group()
    given = parse(OPEN + re.sub(r"(?m)^# ?", "", block), "example", Plugins(), {})
    (token,) = given.auth.tokens.values()
    for field in attrs.fields(type(token)):
        assert re.search(rf"^# +{field.name}:", block, re.MULTILINE), field.name
