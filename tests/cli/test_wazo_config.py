"""What the configuration of wazo-websocketd becomes, as values."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wsevents.cli.wazo_config import KEY_FILE, translate


def config(tree, origin=None, there=()):
    return translate(tree, origin, lambda file: file in there).document()


def remarks(tree, origin="o1", there=(KEY_FILE,)):
    return {one.key: one.text for one in translate(tree, origin, lambda file: file in there).remarks}


def test_nothing_becomes_what_wazo_websocketd_has_by_default():
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
def test_where_it_listens_becomes_an_endpoint(websocket, endpoint):
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
def test_the_bus_is_the_same_in_other_words(bus, expected):
    assert config({"bus": bus})["bus"] == expected


@pytest.mark.parametrize(
    ("auth", "way"),
    [
        ({}, (80, "/api/auth")),
        ({"port": 443}, (443, "/api/auth")),
        ({"port": 9497}, (9497, "")),
        ({"port": 9497, "prefix": None}, (9497, "")),
        ({"prefix": "api/auth/"}, (80, "/api/auth")),
        ({"port": 80, "prefix": ""}, (80, "")),
    ],
)
def test_wazo_auth_is_asked_the_way_it_was(auth, way):
    found = config({"auth": auth})["auth"]
    assert (found["port"], found["prefix"]) == way


def test_the_account_is_that_of_the_key_file_given_or_usual():
    assert config({"auth": {"key_file": "/k.yml"}})["auth"]["key_file"] == "/k.yml"
    assert config({}, there=[KEY_FILE])["auth"]["key_file"] == KEY_FILE
    assert "key_file" not in config({})["auth"]
    assert "auth.key_file" in remarks({}, there=())


def test_an_account_that_is_given_beats_the_key_file():
    tree = {"auth": {"username": "i", "password": "k", "key_file": "/k.yml"}}
    found = config(tree)["auth"]
    assert (found["service_id"], found["service_key"], "key_file" in found) == ("i", "k", False)
    assert "auth.key_file" in remarks(tree)


def test_the_rest_keeps_its_name_or_gets_another():
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


def test_the_installation_is_that_of_the_environment_or_it_is_remarked():
    assert config({}, origin="o1")["origin_uuid"] == "o1"
    assert "XIVO_UUID" in remarks({}, origin=None)
    assert "XIVO_UUID" not in remarks({}, origin="o1")


def test_what_has_no_counterpart_is_named_with_what_to_do():
    tree = {
        "debug": True,
        "log_file": "/l",
        "user": "u",
        "consul": {"host": "h", "port": 1},
        "colour": {"a": 1},
    }
    found = remarks(tree)
    assert "journalctl" in found["log_file"]
    assert found["user"].startswith("has no counterpart: the user is that of the systemd unit")
    assert {"consul.host", "consul.port"} <= set(found)
    assert found["colour.a"] == "is no key of wazo-websocketd that is known: left out"


@pytest.mark.parametrize(
    ("tree", "log"),
    [
        ({"debug": True}, {"level": "debug"}),
        ({"debug": False}, None),
        ({"log_level": "WARNING"}, {"level": "warn"}),
        ({"log_level": "info", "debug": False}, {"level": "info"}),
    ],
)
def test_how_much_is_logged_is_said(tree, log):
    assert config(tree).get("log") == log


def test_a_value_of_a_strange_kind_is_remarked():
    assert "of a kind that is not known" in remarks({"bus": {"host": ["a", "b"]}})["bus.host"]


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
def test_whatever_is_given_the_text_is_yaml_of_the_document(tree, origin, there):
    done = translate(tree, origin, lambda _: there)
    assert yaml.safe_load(done.text()) == done.document()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_password_survives(password):
    done = translate({"bus": {"password": password}}, None, lambda _: False)
    assert yaml.safe_load(done.text())["bus"]["password"] == password


@given(st.text(st.characters(categories=["Ll"]), min_size=1), scalars.filter(lambda value: value is not None))
def test_no_key_is_lost_in_silence(name, value):
    known = {"debug", "uuid", "workers"}
    if name not in known:
        assert name in remarks({name: value})
