"""Where a credential may stand, and which of several counts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsevents.core.http_head import make_request
from wsevents.dialects.voipbin.credential import Bearer, KeyHolder, credential

HOST = "gw.example.org:9502"
PLACES = [
    ("/", {"cookie": "token=1"}, Bearer("1")),
    ("/?token=2", {}, Bearer("2")),
    ("/", {"authorization": "Bearer 3"}, Bearer("3")),
    ("/", {"cookie": "accesskey=4"}, KeyHolder("4")),
    ("/?accesskey=5", {}, KeyHolder("5")),
]
"""In their order."""


def find(target="/", headers=None, origins=("*",)):
    return credential(make_request(target, {"host": HOST} | (headers or {})), origins)


@pytest.mark.parametrize(("target", "headers", "found"), PLACES)
def test_each_place_is_looked_at(target, headers, found):
    assert find(target, headers) == found


@pytest.mark.parametrize(("first", "second"), list(pairwise(PLACES)))
def test_an_earlier_place_counts(first, second):
    query = "&".join(target[2:] for target, _, _ in (first, second) if target[2:])
    cookies = "; ".join(headers["cookie"] for _, headers, _ in (first, second) if "cookie" in headers)
    headers = first[1] | second[1] | ({"cookie": cookies} if cookies else {})
    assert find(f"/?{query}", headers) == first[2]


@pytest.mark.parametrize(
    ("target", "headers", "found"),
    [
        ("/", {}, None),
        ("/?token=&accesskey=", {"cookie": "token=; accesskey=", "authorization": "Bearer "}, None),
        ("/?accesskey=k", {"cookie": "token="}, KeyHolder("k")),
        ("/", {"authorization": "bearer  x"}, Bearer("x")),
        ("/", {"authorization": "Basic x"}, None),
        ("/", {"authorization": "Bearer"}, None),
        ("/", {"cookie": 'a=1;token="q"; token=second'}, Bearer("q")),
        ("/", {"cookie": "token=a%2Eb"}, Bearer("a.b")),
        ("/", {"cookie": "Token=x; tokens=y; =z; ;"}, None),
        ("/?token=1&token=2", {}, Bearer("1")),
    ],
)
def test_what_is_a_credential(target, headers, found):
    assert find(target, headers) == found


@pytest.mark.parametrize(
    ("origin", "origins", "counts"),
    [
        (None, ["*"], True),
        (f"https://{HOST}", ["*"], True),
        ("https://evil.example", ["*"], False),
        ("https://crm.example", ["*", "https://crm.example"], True),
        ("null", ["null"], False),
    ],
)
def test_a_cookie_counts_for_programs_for_its_own_origin_and_for_those_that_are_named(
    origin, origins, counts
):
    headers = {"cookie": "token=1"} | ({} if origin is None else {"origin": origin})
    assert find("/?token=2", headers, origins) == Bearer("1" if counts else "2")


@given(st.text(), st.text(), st.text(), st.text())
def test_no_header_is_too_odd(cookie, authorization, origin, host):
    request = make_request(
        "/", {"cookie": cookie, "authorization": authorization, "origin": origin, "host": host}
    )
    assert isinstance(credential(request, ["*"]), Bearer | KeyHolder | None)


def test_a_question_shows_no_secret():
    assert "s3cret" not in f"{Bearer('s3cret')}{KeyHolder('s3cret')!r}"
