"""The translation of wazo-websocketd's configuration, as values."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wsevents.cli.wazo_config import KEY_FILE, translate


def config(tree, origin=None, existing=()):
    return translate(tree, origin, lambda file: file in existing).document()


def remarks(tree, origin="o1", existing=(KEY_FILE,)):
    return {one.key: one.text for one in translate(tree, origin, lambda file: file in existing).remarks}


def test_an_empty_configuration_becomes_the_defaults_of_wazo_websocketd():
    assert config({}) == {
        "listen": ["tcp:9502:interface=127.0.0.1"],
        "auth": {"port": 80, "prefix": "/api/auth"},
    }


@pytest.mark.parametrize(
    ("websocket", "endpoint"),
    [
        ({"listen": "0.0.0.0", "port": 1234}, "tcp:1234"),
        ({"listen": "::1"}, r"tcp:9502:interface=\:\:1"),
        ({"listen": "10.0.0.1"}, "tcp:9502:interface=10.0.0.1"),
        (
            {"listen": "", "certificate": "/a:b.crt", "private_key": "/c.key"},
            r"ssl:9502:privateKey=/c.key:certKey=/a\:b.crt",
        ),
        ({"certificate": "/a.crt"}, "tcp:9502:interface=127.0.0.1"),
    ],
)
def test_the_listener_becomes_an_endpoint(websocket, endpoint):
    assert config({"websocket": websocket})["listen"] == [endpoint]


@pytest.mark.parametrize(
    ("bus", "expected"),
    [
        ({"host": "rabbit"}, {"endpoint": "tcp:rabbit:5672"}),
        ({"port": 5673}, {"endpoint": "tcp:localhost:5673"}),
        ({"host": "2001:db8::1"}, {"endpoint": r"tcp:2001\:db8\:\:1:5672"}),
        (
            {
                "username": "u",
                "password": "p",
                "vhost": "/v",
                "exchange_name": "xivo",
                "exchange_type": "topic",
            },
            {
                "vhost": "/v",
                "username": "u",
                "password": "p",
                "exchange_name": "xivo",
                "exchange_type": "topic",
            },
        ),
    ],
)
def test_the_bus_is_translated(bus, expected):
    assert config({"bus": bus})["bus"] == expected


@pytest.mark.parametrize(
    ("auth", "address"),
    [
        ({}, (80, "/api/auth")),
        ({"port": 443}, (443, "/api/auth")),
        ({"port": 9497}, (9497, "")),
        ({"port": 9497, "prefix": None}, (9497, "")),
        ({"prefix": "api/auth/"}, (80, "/api/auth")),
        ({"port": 80, "prefix": ""}, (80, "")),
    ],
)
def test_the_address_of_wazo_auth_is_kept(auth, address):
    found = config({"auth": auth})["auth"]
    assert (found["port"], found["prefix"]) == address


def test_the_service_account_comes_from_the_given_or_the_default_key_file():
    assert config({"auth": {"key_file": "/k.yml"}})["auth"]["key_file"] == "/k.yml"
    assert config({}, existing=[KEY_FILE])["auth"]["key_file"] == KEY_FILE
    assert "key_file" not in config({})["auth"]
    assert "auth.key_file" in remarks({}, existing=())


def test_a_given_service_account_takes_precedence_over_the_key_file():
    tree = {"auth": {"username": "i", "password": "k", "key_file": "/k.yml"}}
    found = config(tree)["auth"]
    assert (found["service_id"], found["service_key"], "key_file" in found) == ("i", "k", False)
    assert "auth.key_file" in remarks(tree)


def test_other_keys_are_copied_or_renamed():
    tree = {
        "auth_check_strategy": "static",
        "auth_check_static_interval": 30,
        "websocket": {"ping_interval": 45},
        "process_workers": 4,
        "uuid": "o2",
        "auth": {"host": "auth", "https": True, "verify_certificate": "/ca.pem"},
    }
    found = config(tree, origin="o1")
    assert found["auth"]["check_strategy"] == "static"
    assert found["auth"]["check_static_interval"] == 30
    assert (found["auth"]["host"], found["auth"]["https"]) == ("auth", True)
    assert found["websocket"] == {"ping_interval": 45}
    assert (found["workers"], found["origin_uuid"]) == (4, "o2")


def test_the_origin_uuid_comes_from_the_environment_or_is_reported():
    assert config({}, origin="o1")["origin_uuid"] == "o1"
    assert "XIVO_UUID" in remarks({}, origin=None)
    assert "XIVO_UUID" not in remarks({}, origin="o1")


def test_keys_without_a_counterpart_are_reported_with_the_alternative():
    tree = {
        "debug": True,
        "log_file": "/l",
        "user": "u",
        "consul": {"host": "h", "port": 1},
        "colour": {"a": 1},
    }
    found = remarks(tree)
    assert "journalctl" in found["log_file"]
    assert found["user"].startswith("has no counterpart: set the user in the systemd unit")
    assert {"consul.host", "consul.port"} <= set(found)
    assert found["colour.a"] == "not a known key of wazo-websocketd; omitted"


@pytest.mark.parametrize(
    ("tree", "log"),
    [
        ({"debug": True}, {"level": "debug"}),
        ({"debug": False}, None),
        ({"log_level": "WARNING"}, {"level": "warn"}),
        ({"log_level": "info", "debug": False}, {"level": "info"}),
    ],
)
def test_the_log_level_is_translated(tree, log):
    assert config(tree).get("log") == log


def test_a_value_of_an_unknown_type_is_reported():
    assert "has an unknown type" in remarks({"bus": {"host": ["a", "b"]}})["bus.host"]


KNOWN = [
    "bus",
    "auth",
    "websocket",
    "host",
    "port",
    "password",
    "prefix",
    "key_file",
    "listen",
    "debug",
    "consul",
]
keys = st.sampled_from([*KNOWN, "certificate", "private_key"]) | st.text(max_size=5)
scalars = (
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
)
trees = st.dictionaries(
    keys, scalars | st.dictionaries(keys, scalars | st.lists(scalars, max_size=2)), max_size=6
)


@given(trees, st.none() | st.just("o1"), st.booleans())
def test_the_text_is_yaml_of_the_document(tree, origin, existing):
    done = translate(tree, origin, lambda _: existing)
    assert yaml.safe_load(done.text()) == done.document()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_password_is_preserved(password):
    done = translate({"bus": {"password": password}}, None, lambda _: False)
    assert yaml.safe_load(done.text())["bus"]["password"] == password


@given(st.text(st.characters(categories=["Ll"]), min_size=1), scalars.filter(lambda value: value is not None))
def test_every_unknown_key_is_reported(name, value):
    known = {"debug", "uuid", "workers"}
    if name not in known:
        assert name in remarks({name: value})
