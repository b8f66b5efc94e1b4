"""The embedded default's own document fits the demo's cast and stays on this machine."""

from __future__ import annotations

from importlib.resources import files

import yaml

from wsevents.demo.cast import COMPANIES

DOCUMENT = yaml.safe_load(files("wsevents.demo").joinpath("config.yml").read_text())
TOKENS = DOCUMENT["auth"]["tokens"]


def test_it_listens_on_this_machine_only():
    assert all("interface=127.0.0.1" in text or r"interface=\:\:1" in text for text in DOCUMENT["listen"])
    assert all("{state}" in text and text.startswith("ssl:9502:") for text in DOCUMENT["listen"])


def test_it_needs_neither_a_broker_nor_an_authority():
    assert (DOCUMENT["bus"]["type"], DOCUMENT["auth"]["type"]) == ("memory", "static")


def test_every_token_may_connect():
    assert all("websocketd" in token["acl"] for token in TOKENS.values())


def test_the_tokens_are_of_people_and_companies_that_exist():
    tenants = {company.tenant: {person.user for person in company.people} for company in COMPANIES}
    for name, token in TOKENS.items():
        assert name == "demo-all" or token["uuid"] in tenants[token["tenant_uuid"]]
    assert TOKENS["demo"]["tenant_uuid"] == COMPANIES[0].tenant
    assert TOKENS["demo-user"]["tenant_uuid"] == COMPANIES[0].tenant
    assert TOKENS["demo-other"]["tenant_uuid"] != COMPANIES[0].tenant


def test_one_token_sees_everything_and_one_ends_after_a_minute():
    assert [name for name, token in TOKENS.items() if token.get("master")] == ["demo-all"]
    assert {name: token["expires_in"] for name, token in TOKENS.items() if "expires_in" in token} == {
        "demo-minute": 60
    }


def test_the_ordinary_user_is_limited_by_its_acl():
    user = TOKENS["demo-user"]
    assert not user.get("admin")
    assert "events.#" not in user["acl"]


def test_every_protocol_is_served_on_every_listener():
    assert set(DOCUMENT["dialects"]) == {"wazo", "voipbin", "isymphony", "innovaphone"}
    assert all(isinstance(listener, str) for listener in DOCUMENT["listen"])


def test_the_key_of_voipbin_is_of_the_first_company():
    assert DOCUMENT["dialects"]["voipbin"]["access_keys"] == {"demo": {"customer_id": COMPANIES[0].tenant}}


def test_the_app_of_innovaphone_is_where_its_libraries_look_for_it():
    app = DOCUMENT["dialects"]["innovaphone"]["apps"]["demo"]
    assert (app["path"], app["password"]) == ("/PBX0/APPS/websocket", "demo")
