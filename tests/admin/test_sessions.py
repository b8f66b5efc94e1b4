"""Filters and lists of sessions."""

import json

import pytest

from wsevents.admin.sessions import OpenSession, SessionFilter, SessionList, merged, session_filter
from wsevents.core.session_log import ClosedSession, SessionInfo


def info(number, user="u1", since=0.0, dialect="wazo"):
    return SessionInfo(f"7-{number}", dialect, "192.0.2.1", 4711, user, "t1", since, 3, 20, 512, None)


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ({}, True),
        ({"id": "7-1"}, True),
        ({"id": "7-2"}, False),
        ({"user": "u1"}, True),
        ({"user": "u2"}, False),
        ({"user": "u1", "dialect": "voipbin"}, False),
        ({"user": "u1", "dialect": "wazo", "tenant": "t1"}, True),
    ],
)
def test_a_session_must_match_all_members_of_a_filter(wanted, taken):
    assert session_filter(wanted).matches(info(1)) is taken


def test_an_unauthenticated_session_has_no_user():
    assert not SessionFilter(user="u1").matches(info(1, user=None))


@pytest.mark.parametrize("wanted", [{"uuid": "u1"}, {"user": ""}, {"user": None}, {"id": 5}, {"id": ["7-1"]}])
def test_an_invalid_filter_is_an_error(wanted):
    with pytest.raises(ValueError, match=r"unknown filter|must be a non-empty string"):
        session_filter(wanted)


def test_the_lists_of_several_processes_are_merged_by_time():
    ends = [ClosedSession(info(number), float(number), 1001, "m", "") for number in range(4)]
    here = SessionList([OpenSession(info(5, since=9.0), ("*",), 0, False)], [ends[0], ends[3]])
    there = SessionList([OpenSession(info(6, since=8.0), ("*",), 0, False)], [ends[1], ends[2]])
    whole = merged([here, there], max_closed=3)
    assert [one.info.id for one in whole.sessions] == ["7-6", "7-5"]
    assert whole.closed == ends[1:]


def test_a_list_can_be_written_as_json():
    listing = SessionList(
        [OpenSession(info(1), ("call_created",), 10, True)],
        [ClosedSession(info(2), 5.0, None, "It broke.", "")],
    )
    said = json.loads(json.dumps(listing.json()))
    assert said["sessions"][0]["subscriptions"] == ["call_created"]
    assert said["sessions"][0] | {"id": "7-1", "queue": 10, "behind": True} == said["sessions"][0]
    assert said["closed"][0] | {"id": "7-2", "code": None, "closed": 5.0} == said["closed"][0]
