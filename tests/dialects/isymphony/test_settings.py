"""The section of the configuration: what is documented works, and a mistake is one line with its remedy."""

import attrs
import pytest
import yaml

from tests.support.isymphony_accounts import quick_hash
from tests.support.isymphony_page import blocks
from wsevents.api.errors import ConfigurationError
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins
from wsevents.dialects.isymphony.settings import Account, IsymphonySettings, Rule

HASH = quick_hash("pw")
GOOD = {"users": {"manager": {"password_hash": HASH, "tenant_uuid": None, "acl": ["#"]}}}
COMMAND = "must be a hash that `wsevents hash-password` made"


def given(environ=None, **section):
    text = yaml.safe_dump({"listen": ["tcp:0"], "dialects": {"isymphony": GOOD | section}})
    return parse(text, "config.yml", Plugins(), environ or {}).dialects["isymphony"]


def user(name="manager", **more):
    return {"users": {name: GOOD["users"]["manager"] | more}}


def events(**rule):
    return {"events": {"e": rule}}


def test_little_needs_to_be_said():
    section = given()
    assert (section.paths, section.allow) == (["/communication_manager/ws/event"], ["127.0.0.0/8", "::1"])
    assert section.users == {"manager": Account(password_hash=HASH, tenant_uuid=None, acl=["#"])}
    assert (section.core_server_id, section.events, section.others) == (None, {}, True)


def test_the_documented_section_works_and_has_every_key():
    text = next(block for block in blocks("yaml") if "isymphony:" in block)
    document = yaml.safe_load(text)
    document["listen"] = ["tcp:0"]
    section = parse(yaml.safe_dump(document), "page", Plugins(), {}).dialects["isymphony"]
    written = document["dialects"]["isymphony"]
    assert set(written) == {each.name for each in attrs.fields(IsymphonySettings)}
    assert set(written["users"]["manager"]) == {each.name for each in attrs.fields(Account)}
    defaults = given()
    assert attrs.evolve(section, users=defaults.users, events={}) == defaults


def test_a_hash_may_stand_elsewhere(tmp_path):
    file = tmp_path / "hash"
    file.write_text(HASH + "\n")
    wanted = given().users
    there = {"tenant_uuid": None, "acl": ["#"]}
    assert given(users={"manager": {"password_hash_file": str(file), **there}}).users == wanted
    assert given({"H": HASH}, users={"manager": {"password_hash_env": "H", **there}}).users == wanted


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"users": {}}, "users: must name at least one user"),
        ({"users": {"manager": {"tenant_uuid": None}}}, "users.manager.password_hash: is missing"),
        ({"users": {"manager": {"password_hash": HASH}}}, "users.manager.tenant_uuid: is missing"),
        (user(password_hash="manag3rpa55word"), f"users.manager.password_hash: {COMMAND}"),
        (user(password_hash=HASH + "x"), f"users.manager.password_hash: {COMMAND}"),
        (
            user(password_hash="scrypt$4194304$8$1$c2FsdHNhbHQ=$" + "A" * 43 + "="),
            "users.manager.password_hash: costs too much to compute at each login: make it with",
        ),
        (user(tenant_uuid=" "), "users.manager.tenant_uuid: must not be empty"),
        (user(acl="#"), "users.manager.acl: must be a list, not '#'"),
        (
            user(password="pw"),
            "users.manager.password: is not a known key; did you mean password_hash?",
        ),
        (
            user("a:b"),
            "users: has 'a:b'; a name must not be empty and must not contain a colon, its end in HTTP Basic",
        ),
        (
            user(""),
            "users: has ''; a name must not be empty and must not contain a colon, its end in HTTP Basic",
        ),
        ({"paths": []}, "paths: must name at least one path"),
        ({"paths": ["ws/event"]}, "paths: has 'ws/event', which does not begin with a slash"),
        ({"allow": []}, "allow: must name at least one network; 0.0.0.0/0 and ::/0 are all addresses"),
        (
            {"allow": ["localhost"]},
            (
                "allow: has 'localhost', which is neither an address nor a network; "
                "write it like 192.0.2.7 or 10.1.0.0/16"
            ),
        ),
        ({"core_server_id": ""}, "core_server_id: must not be empty"),
        (events(), "events.e.type: must be given, unless by and types are given"),
        (
            events(type="a", by="b", types={"c": "d"}),
            "events.e.type: must be given, unless by and types are given",
        ),
        (events(type=" "), "events.e.type: must not be empty"),
        (events(by="data.x"), "events.e.types: must be given together with by"),
        (events(type="a", types={"c": "d"}), "events.e.types: must be given together with by"),
        (events(type="a", properties={"x": ["y"]}), "events.e.properties.x: must be "),
        (
            events(type="a", properties={"time": "y"}),
            "events.e.properties: cannot have time: every event has it",
        ),
        ({"others": "no"}, "others: must be true or false, not 'no'"),
    ],
)
def test_a_configuration_error_is_one_line_with_file_key_and_remedy(section, line):
    with pytest.raises(ConfigurationError) as caught:
        given(**section)
    (problem,) = caught.value.problems
    assert problem.startswith(f"config.yml: dialects.isymphony.{line}")


def test_no_message_and_no_repr_shows_a_password_or_its_hash():
    with pytest.raises(ConfigurationError) as caught:
        given(**user(password_hash="s3cret$" + HASH))
    for text in (str(caught.value), repr(given()), repr(Account(password_hash=HASH, tenant_uuid=None))):
        assert "s3cret" not in text
        assert HASH not in text


def test_a_rule_has_a_type_or_ways_to_find_one():
    rules = {"a": {"type": "x"}, "b": {"by": "data.s", "types": {"1": "y"}}, "c": None}
    assert given(events=rules).events == {
        "a": Rule(type="x"),
        "b": Rule(by="data.s", types={"1": "y"}),
        "c": None,
    }
