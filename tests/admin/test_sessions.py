"""Choosing and listing sessions."""

import json

import pytest

from wsevents.admin.sessions import Choice, Listing, Standing, choice, joined
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
def test_all_that_is_said_must_hold(wanted, taken):
    assert choice(wanted).takes(info(1)) is taken


def test_who_is_not_known_yet_is_of_no_user():
    assert not Choice(user="u1").takes(info(1, user=None))


@pytest.mark.parametrize("wanted", [{"uuid": "u1"}, {"user": ""}, {"user": None}, {"id": 5}, {"id": ["7-1"]}])
def test_what_makes_no_sense_is_said(wanted):
    with pytest.raises(ValueError, match=r"nothing to choose by|must be a text"):
        choice(wanted)


def test_the_lists_of_several_processes_are_one_in_the_order_of_time():
    ends = [ClosedSession(info(number), float(number), 1001, "m", "") for number in range(4)]
    here = Listing([Standing(info(5, since=9.0), ("*",), 0, False)], [ends[0], ends[3]])
    there = Listing([Standing(info(6, since=8.0), ("*",), 0, False)], [ends[1], ends[2]])
    whole = joined([here, there], most=3)
    assert [one.info.id for one in whole.sessions] == ["7-6", "7-5"]
    assert whole.closed == ends[1:]


def test_a_listing_can_be_written_as_json():
    listing = Listing(
        [Standing(info(1), ("call_created",), 10, True)], [ClosedSession(info(2), 5.0, None, "It broke.", "")]
    )
    said = json.loads(json.dumps(listing.json()))
    assert said["sessions"][0]["subscriptions"] == ["call_created"]
    assert said["sessions"][0] | {"id": "7-1", "queue": 10, "behind": True} == said["sessions"][0]
    assert said["closed"][0] | {"id": "7-2", "code": None, "closed": 5.0} == said["closed"][0]
