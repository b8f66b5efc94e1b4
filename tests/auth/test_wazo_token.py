import json
from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.authenticator_contract import STRANGE
from tests.support.wazo_auth import document
from wsevents.api.identity import Confirmed, Denied, Faulty, Identity, Unavailable
from wsevents.auth.wazo_token import (
    answer_of,
    confirmation_of,
    identity_of,
    moment,
    plausible,
    tenant_of,
    with_reach,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
PLACES = [
    (),
    ("data",),
    *[("data", name) for name in ("acl", "session_uuid", "utc_expires_at", "metadata", "token")],
    *[("data", "metadata", name) for name in ("uuid", "tenant_uuid", "purpose", "admin")],
]


def changed(place, value):
    """Return a good document with another value at one place."""
    if not place:
        return value
    whole = {"data": document("t")}
    part = whole
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return whole


def without(place):
    whole = {"data": document("t")}
    part = whole
    for name in place[:-1]:
        part = part[name]
    del part[place[-1]]
    return whole


def test_a_complete_document_gives_an_identity():
    data = document(
        "t", uuid="u", tenant="t", acl=["a", "!b"], session="s", expires=1700000000.25, admin=True
    )
    assert identity_of({"data": data}, None) == Identity(
        subject="u", tenant="t", acl=("a", "!b"), session="s", reach="tenant", expires=1700000000.25
    )


def test_the_older_key_of_the_acl_is_read():
    old = without(("data", "acl"))
    old["data"]["acls"] = ["websocketd"]
    assert identity_of(old, None).acl == ("websocketd",)


def test_a_document_of_2016_without_a_user_is_faulty():
    assert isinstance(
        identity_of({"data": {"token": "t", "auth_id": "u", "acls": ["websocketd"]}}, None), Faulty
    )


@pytest.mark.parametrize(
    "place",
    [
        ("data",),
        ("data", "acl"),
        ("data", "metadata"),
        ("data", "metadata", "uuid"),
        ("data", "metadata", "tenant_uuid"),
    ],
    ids=".".join,
)
def test_a_document_without_a_required_member_is_faulty(place):
    assert isinstance(identity_of(without(place), None), Faulty)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("data", "metadata", "uuid"), ""),
        (("data", "metadata", "uuid"), None),
        (("data", "metadata", "tenant_uuid"), 7),
        (("data", "acl"), None),
        (("data", "acl"), "websocketd"),
        (("data", "acl"), ["websocketd", None]),
        (("data", "session_uuid"), 7),
        (("data", "utc_expires_at"), 1700000000),
        (("data", "utc_expires_at"), "soon"),
    ],
)
def test_a_document_with_an_invalid_value_is_faulty(place, value):
    assert isinstance(identity_of(changed(place, value), None), Faulty)


@pytest.mark.parametrize("name", ["session_uuid", "utc_expires_at"])
def test_optional_members_may_be_missing_or_null(name):
    for whole in (without(("data", name)), changed(("data", name), None)):
        identity = identity_of(whole, None)
        assert (identity.session is None) or (identity.expires is None)


@pytest.mark.parametrize(
    ("tenant", "admin", "purpose", "master", "reach"),
    [
        ("t", False, "user", None, "user"),
        ("t", False, "user", "m", "user"),
        ("t", True, "user", "m", "tenant"),
        ("t", False, "internal", "m", "tenant"),
        ("t", False, "external_api", "m", "tenant"),
        ("t", "true", "other", "m", "user"),
        ("m", False, "user", "m", "all"),
        ("m", True, "internal", "m", "all"),
        ("m", True, "internal", None, "tenant"),
    ],
)
def test_the_reach_of_an_identity(tenant, admin, purpose, master, reach):
    data = document("t", tenant=tenant, admin=admin, purpose=purpose)
    identity = identity_of({"data": data}, master)
    assert identity.reach == reach
    assert with_reach(identity_of({"data": data}, "another"), master) == identity


@pytest.mark.parametrize(
    "text",
    ["2023-11-14T22:13:20", "2023-11-14 22:13:20", "2023-11-14T22:13:20.000", "2023-11-14T22:13:20.000000Z"],
)
def test_a_time_without_a_zone_is_utc(text):
    assert moment(text) == 1700000000.0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_statuses_that_mean_denied(status):
    assert isinstance(answer_of(status, b"", None), Denied)
    assert isinstance(confirmation_of(status), Denied)


@pytest.mark.parametrize(
    "status", [201, 202, 206, 301, 302, 307, 400, 405, 410, 429, 500, 502, 503, 504, 599]
)
def test_every_other_status_means_unavailable(status):
    assert isinstance(answer_of(status, json.dumps({"data": document("t")}).encode(), None), Unavailable)
    assert isinstance(confirmation_of(status), Unavailable)


def test_only_a_200_identifies_and_a_204_confirms():
    body = json.dumps({"data": document("t")}).encode()
    assert isinstance(answer_of(200, body, None), Identity)
    assert isinstance(answer_of(204, body, None), Unavailable)
    assert confirmation_of(204) == confirmation_of(200) == Confirmed()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b"\xff", b'{"data": NaN}', b"[" * 100000])
def test_a_200_without_a_json_object_means_unavailable(body):
    assert isinstance(answer_of(200, body, None), Unavailable)


@given(st.integers(), st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.none() | st.text())
def test_no_response_raises(status, body, master):
    assert isinstance(answer_of(status, body, master), Identity | Denied | Unavailable | Faulty)


@given(st.sampled_from(PLACES), JSON, st.none() | st.text())
def test_no_document_raises(place, value, master):
    whole = changed(place, value)
    before = deepcopy(whole)
    found = identity_of(whole, master)
    assert isinstance(found, Identity | Faulty)
    assert repr(whole) == repr(before)
    assert tenant_of(whole) is None or isinstance(tenant_of(whole), str)
    if isinstance(found, Identity):
        assert found.subject
        assert found.tenant
        assert all(isinstance(pattern, str) for pattern in found.acl)


@given(st.text())
def test_a_time_is_a_number_or_a_value_error(text):
    with suppress(ValueError):
        assert isinstance(moment(text), float)


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_every_time_is_parsed(time):
    assert isinstance(moment(time.isoformat()), float)


def test_the_tenant_of_a_document():
    assert tenant_of({"data": document("t", tenant="m")}) == "m"
    assert tenant_of({"data": {}}) is None
    assert tenant_of([]) is None


@pytest.mark.parametrize(
    "token", ["", " ", "\n", ".", "..", "a/b", "a\\b", "a\nb", "\0", "\ud800", "x" * 4097]
)
def test_an_impossible_token_is_not_plausible(token):
    assert not plausible(token)


@pytest.mark.parametrize(
    "token", ["9ad4c1b4-7bd4-4a65-a8d8-0c2b9d9d3b8f", "x" * 4096, "a.b-c_d~e", "é", "a b%?#&"]
)
def test_a_possible_token_is_plausible(token):
    assert plausible(token)


@given(st.text() | st.sampled_from(STRANGE))
def test_plausible_accepts_any_text(text):
    assert plausible(text) in {True, False}
