"""Identities from claims and records; a missing or unusual value never raises an exception."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.voipbin.test_command import JSON
from tests.support.voipbin import (
    ADMIN,
    AGENT,
    CUSTOMER,
    MANAGER,
    NIL,
    PLAIN,
    SUPER_ADMIN,
    claims,
    delegate,
    direct,
    utc,
)
from wsevents.api.identity import Denied, Identity
from wsevents.dialects.voipbin.claims import identity_of, key_holder, record_holder
from wsevents.dialects.voipbin.settings import Acl

ACL = Acl(access_key=["k"], administrator=["a"], agent=["u"], direct=["d"])
NOW = 1000.0


def who(content):
    return identity_of(content, ACL, NOW)


@pytest.mark.parametrize(
    ("bits", "reach", "acl"),
    [
        (PLAIN, "user", ("u",)),
        (0, "user", ("u",)),
        (ADMIN, "tenant", ("a",)),
        (MANAGER, "tenant", ("a",)),
        (0xF0, "tenant", ("a",)),
        (SUPER_ADMIN, "all", ("a",)),
    ],
)
def test_an_agent_is_what_its_permission_says(bits, reach, acl):
    found = who(claims(bits, ends=2000.0))
    assert found == Identity(AGENT, CUSTOMER, acl, reach=reach, expires=2000.0)
    assert found.claims == {"kind": "agent", "permission": bits}


def test_without_a_type_it_is_an_agent():
    assert who(claims(type=None)) == who(claims())


def test_a_direct_token_belongs_to_the_customer():
    found = who(direct("aicall", "webchat_session"))
    assert (found.tenant, found.acl, found.reach) == (CUSTOMER, ("d",), "user")
    assert found.claims["allowed"] == ("aicall", "webchat_session")


@pytest.mark.parametrize("audience", ["voipbin-api", ["other", "voipbin-api"]])
def test_a_delegate_is_known_as_such(audience):
    assert who(delegate(aud=audience)).claims["kind"] == "delegate"


@pytest.mark.parametrize(
    ("more", "expires"),
    [
        ({"exp": 1500}, 1500.0),
        ({"exp": 9000}, 2000.0),
        ({"exp": None}, 2000.0),
        ({"nbf": 1000}, 2000.0),
        ({"iat": 5000}, 2000.0),
    ],
)
def test_the_earlier_end_counts(more, expires):
    assert who(claims(ends=2000.0, **more)).expires == expires


@pytest.mark.parametrize(
    "content",
    [
        {},
        claims(ends=NOW),
        claims(ends=NOW - 1),
        claims(expire=None),
        claims(expire=4000000000),
        claims(expire="later"),
        claims(exp=NOW),
        claims(exp="9999"),
        claims(exp=True),
        claims(exp=[]),
        claims(nbf=NOW + 1),
        claims(nbf={}),
        claims(type="other"),
        claims(type=1),
        claims(type=["agent"]),
        claims(agent=None),
        claims(agent=[]),
        claims(agent={"id": AGENT, "permission": ADMIN}),
        claims(agent={"customer_id": CUSTOMER, "permission": ADMIN}),
        claims(agent={"id": AGENT, "customer_id": NIL, "permission": ADMIN}),
        claims("1"),
        claims(True),
        claims(0.5),
        direct(direct=None),
        direct(direct={"customer_id": CUSTOMER}),
        direct(direct={"customer_id": CUSTOMER, "allowed_resource_types": [1]}),
        direct(direct={"allowed_resource_types": ["aicall"]}),
        delegate(aud=None),
        delegate(aud="other"),
        delegate(aud={"voipbin-api": 1}),
        delegate(customer_id="c"),
        delegate(sub=None),
        delegate(sub=1),
        delegate(jti=""),
        delegate(expire=utc(1)),
    ],
    ids=json.dumps,
)
def test_what_is_missing_or_odd_is_denied(content):
    assert isinstance(who(content), Denied)


ODD = st.dictionaries(
    st.sampled_from(["type", "agent", "direct", "expire", "exp", "nbf", "aud", "customer_id"]),
    JSON | st.sampled_from(["agent", "direct", "delegate", utc(4e9)]) | st.integers(),
)


@given(ODD)
def test_no_claims_are_too_odd(content):
    assert isinstance(who(content), Identity | Denied)
    assert isinstance(who(claims() | content), Identity | Denied)


def test_an_access_key_is_worth_an_administrator_without_an_agent():
    found = key_holder(CUSTOMER, ["k"], None, NOW)
    assert found == Identity(CUSTOMER, CUSTOMER, ("k",), reach="tenant")
    assert found.claims["kind"] == "accesskey"


@pytest.mark.parametrize(
    ("record", "expires"),
    [
        ({}, None),
        ({"tm_expire": None, "tm_delete": ""}, None),
        ({"tm_expire": "1970-01-01T01:00:00Z"}, 3600.0),
    ],
)
def test_a_record_is_read(record, expires):
    assert record_holder({"customer_id": CUSTOMER} | record, ACL, NOW).expires == expires


def test_a_record_may_say_that_the_account_is_frozen():
    assert record_holder({"customer_id": CUSTOMER, "frozen": {"x": 1}}, ACL, NOW).claims["frozen"] == {"x": 1}


@pytest.mark.parametrize("more", [{"tm_delete": "2020-01-01"}, {"tm_expire": "1970-01-01T00:00:01Z"}])
def test_a_key_that_ended_is_denied(more):
    assert isinstance(record_holder({"customer_id": CUSTOMER} | more, ACL, NOW), Denied)


@pytest.mark.parametrize("record", [{}, {"customer_id": NIL}, {"customer_id": CUSTOMER, "tm_expire": "x"}])
def test_an_invalid_record_yields_none(record):
    assert record_holder(record, ACL, NOW) is None


@given(st.dictionaries(st.sampled_from(["customer_id", "tm_expire", "tm_delete", "frozen"]), JSON))
def test_no_record_is_too_odd(record):
    assert isinstance(record_holder(record, ACL, NOW), Identity | Denied | None)
    assert isinstance(record_holder({"customer_id": CUSTOMER} | record, ACL, NOW), Identity | Denied | None)
