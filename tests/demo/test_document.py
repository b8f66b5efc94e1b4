"""The configuration of the embedded default matches the demo's companies and is for this machine only."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files

import pytest
import yaml

from tests.support import example_plugins
from wsevents.api.errors import ConfigurationError
from wsevents.api.package_files import PackageFile
from wsevents.config.plugins import Plugins
from wsevents.demo.cast import COMPANIES
from wsevents.demo.document import embedded
from wsevents.demo.greeting import greeting
from wsevents.dialects.voipbin.greeting import AGENT
from wsevents.dialects.wazo import WazoDialect
from wsevents.endpoints.self_signed import ensure_certificate

DOCUMENT = yaml.safe_load(files("wsevents.demo").joinpath("config.yml").read_text())
TOKENS = DOCUMENT["auth"]["tokens"]


def test_it_listens_on_loopback_only():
    assert all("interface=127.0.0.1" in text or r"interface=\:\:1" in text for text in DOCUMENT["listen"])
    assert all("{state}" in text and text.startswith("ssl:9502:") for text in DOCUMENT["listen"])


def test_it_needs_neither_a_broker_nor_an_authority():
    assert (DOCUMENT["bus"]["type"], DOCUMENT["auth"]["type"]) == ("memory", "static")


def test_every_token_may_connect():
    assert all("websocketd" in token["acl"] for token in TOKENS.values())


def test_the_tokens_name_existing_users_and_companies():
    tenants = {company.tenant: {person.user for person in company.people} for company in COMPANIES}
    for name, token in TOKENS.items():
        assert name == "demo-all" or token["uuid"] in tenants[token["tenant_uuid"]]
    assert TOKENS["demo"]["tenant_uuid"] == COMPANIES[0].tenant
    assert TOKENS["demo-user"]["tenant_uuid"] == COMPANIES[0].tenant
    assert TOKENS["demo-other"]["tenant_uuid"] != COMPANIES[0].tenant


def test_one_token_sees_all_events_and_one_expires_after_a_minute():
    assert [name for name, token in TOKENS.items() if token.get("master")] == ["demo-all"]
    assert {name: token["expires_in"] for name, token in TOKENS.items() if "expires_in" in token} == {
        "demo-minute": 60
    }


def test_the_ordinary_user_is_limited_by_its_acl():
    user = TOKENS["demo-user"]
    assert not user.get("admin")
    assert "events.#" not in user["acl"]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    ensure_certificate(state)
    return embedded(state, Plugins(), {})


def test_every_installed_dialect_is_served_on_every_listener_with_the_default_first(config):
    dialects = Plugins().dialects()
    assert len(dialects) >= 4
    assert set(config.dialects) == set(dialects)
    assert dialects[next(iter(config.dialects))].default
    assert all(listener.dialects is None for listener in config.listen)


def test_a_dialect_without_demo_settings_is_not_served(tmp_path):
    ensure_certificate(tmp_path)
    plugins = Plugins(lambda group: [*plugins_of(group), *entry_points(group=group)])
    assert "silent" in plugins.dialects()
    assert "silent" not in embedded(tmp_path, plugins, {}).dialects


def plugins_of(group):
    return [EntryPoint("silent", "tests.support.example_plugins:Talk", group)] * (
        group == "wsevents.dialects"
    )


def test_invalid_demo_settings_of_a_dialect_are_reported(tmp_path, monkeypatch):
    ensure_certificate(tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").touch()
    (tmp_path / "parts" / "demo.yml").write_text("manner: rude\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(example_plugins.Talk, "demo", PackageFile("parts", "demo.yml"))
    plugins = Plugins(lambda group: [*plugins_of(group), *entry_points(group=group)])
    with pytest.raises(
        ConfigurationError, match=r"demo\.yml of the dialect silent: dialects\.silent\.manner"
    ):
        embedded(tmp_path, plugins, {})


def test_the_greeting_has_the_address_the_tokens_and_the_lines_of_each_dialect(config):
    dialects = Plugins().dialects()
    lines = greeting(config, dialects, 4711, 1.8e9)
    assert "Open https://localhost:4711/ in a browser (its certificate is self-signed)." in lines
    assert f"Tokens: {', '.join(TOKENS)}" in lines
    for name, section in config.dialects.items():
        lines_of_dialect = dialects[name].greeting(section, "wss://localhost:4711", 1.8e9)
        assert lines_of_dialect
        assert set(lines_of_dialect) <= set(lines)


def test_the_printed_token_exists(config):
    (line,) = WazoDialect.greeting(config.dialects["wazo"], "wss://h:1", 0.0)
    assert line.rpartition("token=")[2] in config.auth.tokens


def test_the_access_key_and_the_agent_of_voipbin_belong_to_the_first_company(config):
    keys = config.dialects["voipbin"].access_keys
    assert {name: key.customer_id for name, key in keys.items()} == {"demo": COMPANIES[0].tenant}
    assert AGENT in {person.user for person in COMPANIES[0].people}


def test_the_app_of_innovaphone_has_the_default_path_of_its_libraries(config):
    app = config.dialects["innovaphone"].apps["demo"]
    assert (app.path, app.password) == ("/PBX0/APPS/websocket", "demo")
