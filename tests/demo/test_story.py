"""The events of the demo's story during ten simulated minutes."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

import pytest

from wsevents.demo.cast import COMPANIES
from wsevents.demo.story import EARLY, LATE, Story

FIRST = COMPANIES[0].tenant
BEGIN = 1_800_000_000.0
SEEDS = range(6)
KINDS = {
    "call_created",
    "call_answered",
    "call_updated",
    "call_held",
    "call_resumed",
    "call_ended",
    "call_log_user_created",
    "user_missed_call",
    "user_voicemail_message_created",
    "user_voicemail_message_updated",
    "user_voicemail_message_deleted",
    "agent_status_update",
    "agent_paused",
    "agent_unpaused",
    "endpoint_status_update",
    "user_status_update",
}


def simulate(seed, seconds=600.0):
    """Return the events of a story as (time, event)."""
    story, now, timed_events = Story(Random(seed), BEGIN), BEGIN, []
    while now < BEGIN + seconds:
        due_events, due = story.next(now)
        timed_events += [(now, event) for event in due_events]
        assert due > now
        now = due
    return timed_events


@pytest.fixture(scope="module", params=SEEDS)
def timed_events(request):
    return simulate(request.param)


def of_first_company(timed_events):
    return [(when, event) for when, event in timed_events if event.tenant == FIRST]


def test_every_kind_recurs_within_fifteen_seconds_in_the_first_company(timed_events):
    seen = defaultdict(list)
    for when, event in of_first_company(timed_events):
        seen[event.name].append(when)
    assert set(seen) == KINDS
    for name, times in seen.items():
        moments = [BEGIN, *times, BEGIN + 600]
        assert max(b - a for a, b in pairwise(moments)) <= 15, name


def test_two_events_occur_in_every_second_in_the_first_company(timed_events):
    times = [when for when, _ in of_first_company(timed_events)]
    assert times[1] <= BEGIN + 1
    for earlier, later in zip(times, times[2:], strict=False):
        assert later - earlier <= 1  # so that every interval of a second has two


def test_the_first_company_has_less_than_twelve_events_a_second(timed_events):
    assert len(of_first_company(timed_events)) / 600 < 12


def test_every_company_has_every_kind(timed_events):
    for company in COMPANIES:
        assert {event.name for _, event in timed_events if event.tenant == company.tenant} == KINDS


def test_the_events_of_a_call_are_in_order_and_their_times_agree(timed_events):
    orders = Counter()
    lives = defaultdict(list)
    for when, event in timed_events:
        if "call_id" in event.data:
            lives[event.tenant, event.data["call_id"]].append((when, event))
    for life in lives.values():
        names = [event.name for _, event in life]
        if names[-1] != "call_ended":
            continue  # not ended after ten minutes
        orders[tuple(names)] += 1
        assert {event.users for _, event in life} == {life[0][1].users}
        last = life[-1][1].data
        assert last["status"] == "Down"
        assert (last["answer_time"] is None) == ("call_answered" not in names)
    held = ("call_held", "call_updated", "call_resumed", "call_updated")
    assert set(orders) == {
        ("call_created", "call_ended"),
        ("call_created", "call_answered", "call_ended"),
        ("call_created", "call_answered", *held, "call_ended"),
    }


def test_the_call_log_has_the_duration_of_the_call(timed_events):
    answered = {}
    ended = {}
    logs = 0
    for when, event in timed_events:
        key = (event.tenant, event.data.get("conversation_id"), event.users)
        if event.name == "call_answered":
            answered[key] = when
        elif event.name == "call_ended":
            ended[key] = when
        elif event.name == "call_log_user_created":
            logs += 1
            expected = round(ended[key] - answered[key], 3) if key in answered else None
            assert event.data["duration"] == expected
    assert logs > 100


def test_both_ends_of_a_call_refer_to_each_other(timed_events):
    legs = {}
    for _, event in timed_events:
        if event.name == "call_answered" and event.data["direction"] == "internal":
            data = event.data
            legs[event.tenant, data["call_id"]] = (data["user_uuid"], data["talking_to"])
    pairs = 0
    for (tenant, call_id), (user, talking_to) in legs.items():
        ((other_id, other_user),) = talking_to.items()
        assert legs[tenant, other_id] == (other_user, {call_id: user})
        pairs += 1
    assert pairs > 50


def test_no_user_is_in_two_calls_or_is_called_while_unregistered(timed_events):
    busy = {}
    for _, event in timed_events:
        data = event.data
        if event.name == "call_created":
            assert event.users not in busy
            busy[event.users] = data["call_id"]
        elif event.name == "call_ended":
            assert busy.pop(event.users) == data["call_id"]
        elif event.name == "endpoint_status_update":
            people = {p.id: p.user for company in COMPANIES for p in company.people}
            away = (people[data["endpoint_id"]],)
            if data["registered"]:
                assert busy.pop(away) == "away"
            else:
                assert away not in busy
                busy[away] = "away"


def test_agents_log_in_before_they_pause_and_unpause_before_they_log_out(timed_events):
    next_of = {"logged_in": "agent_paused", "agent_paused": "agent_unpaused"}
    next_of |= {"agent_unpaused": "logged_out", "logged_out": "logged_in"}
    state = defaultdict(lambda: "logged_out")
    for _, event in timed_events:
        if event.name.startswith("agent_"):
            what = event.data.get("status", event.name)
            assert what == next_of[state[event.data["agent_id"]]]
            state[event.data["agent_id"]] = what
    assert len(state) == 5


def test_a_voicemail_follows_a_missed_call_and_is_created_updated_and_deleted(timed_events):
    caller = {}
    life = defaultdict(list)
    for _, event in timed_events:
        data = event.data
        if event.name == "user_missed_call":
            caller[event.users] = data["caller_id_number"]
        elif event.name.startswith("user_voicemail_message_"):
            life[event.tenant, data["message_id"]].append(event.name.rpartition("_")[2])
            assert data["message"]["caller_id_num"] == caller[event.users]
    assert all(what == ["created", "updated", "deleted"][: len(what)] for what in life.values())


def test_an_event_has_at_most_one_user_and_a_required_acl(timed_events):
    for _, event in timed_events:
        assert len(event.users) <= 1
        assert event.required.startswith("events.")
        assert all(user in event.required for user in event.users)


def test_the_same_seed_gives_the_same_story():
    assert simulate(7, 30) == simulate(7, 30)
    assert simulate(7, 30) != simulate(8, 30)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, LATE + 1, -EARLY - 1])
def test_a_clock_jump_causes_neither_a_burst_nor_a_pause(jump):
    story = Story(Random(1), BEGIN)
    now = BEGIN
    for _ in range(50):
        _, now = story.next(now)
    events, due = story.next(now + jump)
    assert len(events) < 10
    assert now + jump < due <= now + jump + 1
