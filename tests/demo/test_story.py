"""The demo's story, told for ten minutes in no time."""

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


def tell(seed, seconds=600.0):
    """All that happens, as (when, happening)."""
    story, now, told = Story(Random(seed), BEGIN), BEGIN, []
    while now < BEGIN + seconds:
        happenings, due = story.next(now)
        told += [(now, happening) for happening in happenings]
        assert due > now
        now = due
    return told


@pytest.fixture(scope="module", params=SEEDS)
def told(request):
    return tell(request.param)


def of_first(told):
    return [(when, happening) for when, happening in told if happening.tenant == FIRST]


def test_every_kind_recurs_within_fifteen_seconds_in_the_first_company(told):
    seen = defaultdict(list)
    for when, happening in of_first(told):
        seen[happening.name].append(when)
    assert set(seen) == KINDS
    for name, times in seen.items():
        moments = [BEGIN, *times, BEGIN + 600]
        assert max(b - a for a, b in pairwise(moments)) <= 15, name


def test_two_things_happen_in_every_second_of_the_first_company(told):
    times = [when for when, _ in of_first(told)]
    assert times[1] <= BEGIN + 1
    for earlier, later in zip(times, times[2:], strict=False):
        assert later - earlier <= 1  # so that whichever second one looks at has two


def test_it_does_not_get_out_of_hand(told):
    assert len(of_first(told)) / 600 < 12


def test_every_company_has_every_kind(told):
    for company in COMPANIES:
        assert {happening.name for _, happening in told if happening.tenant == company.tenant} == KINDS


def test_a_call_follows_its_order_and_its_times_agree(told):
    orders = Counter()
    lives = defaultdict(list)
    for when, happening in told:
        if "call_id" in happening.data:
            lives[happening.tenant, happening.data["call_id"]].append((when, happening))
    for life in lives.values():
        names = [happening.name for _, happening in life]
        if names[-1] != "call_ended":
            continue  # still going on when the ten minutes are over
        orders[tuple(names)] += 1
        assert {happening.users for _, happening in life} == {life[0][1].users}
        last = life[-1][1].data
        assert last["status"] == "Down"
        assert (last["answer_time"] is None) == ("call_answered" not in names)
    held = ("call_held", "call_updated", "call_resumed", "call_updated")
    assert set(orders) == {
        ("call_created", "call_ended"),
        ("call_created", "call_answered", "call_ended"),
        ("call_created", "call_answered", *held, "call_ended"),
    }


def test_the_talk_lasts_as_long_as_the_log_says(told):
    answered = {}
    ended = {}
    logs = 0
    for when, happening in told:
        key = (happening.tenant, happening.data.get("conversation_id"), happening.users)
        if happening.name == "call_answered":
            answered[key] = when
        elif happening.name == "call_ended":
            ended[key] = when
        elif happening.name == "call_log_user_created":
            logs += 1
            expected = round(ended[key] - answered[key], 3) if key in answered else None
            assert happening.data["duration"] == expected
    assert logs > 100


def test_both_ends_of_a_call_refer_to_each_other(told):
    legs = {}
    for _, happening in told:
        if happening.name == "call_answered" and happening.data["direction"] == "internal":
            data = happening.data
            legs[happening.tenant, data["call_id"]] = (data["user_uuid"], data["talking_to"])
    pairs = 0
    for (tenant, call_id), (user, talking_to) in legs.items():
        ((other_id, other_user),) = talking_to.items()
        assert legs[tenant, other_id] == (other_user, {call_id: user})
        pairs += 1
    assert pairs > 50


def test_nobody_is_in_two_calls_or_called_while_the_telephone_is_away(told):
    busy = {}
    for _, happening in told:
        data = happening.data
        if happening.name == "call_created":
            assert happening.users not in busy
            busy[happening.users] = data["call_id"]
        elif happening.name == "call_ended":
            assert busy.pop(happening.users) == data["call_id"]
        elif happening.name == "endpoint_status_update":
            people = {p.id: p.user for company in COMPANIES for p in company.people}
            away = (people[data["endpoint_id"]],)
            if data["registered"]:
                assert busy.pop(away) == "away"
            else:
                assert away not in busy
                busy[away] = "away"


def test_agents_log_in_before_they_pause_and_unpause_before_they_log_out(told):
    next_of = {"logged_in": "agent_paused", "agent_paused": "agent_unpaused"}
    next_of |= {"agent_unpaused": "logged_out", "logged_out": "logged_in"}
    state = defaultdict(lambda: "logged_out")
    for _, happening in told:
        if happening.name.startswith("agent_"):
            what = happening.data.get("status", happening.name)
            assert what == next_of[state[happening.data["agent_id"]]]
            state[happening.data["agent_id"]] = what
    assert len(state) == 5


def test_a_message_is_left_after_a_missed_call_then_heard_then_deleted(told):
    caller = {}
    life = defaultdict(list)
    for _, happening in told:
        data = happening.data
        if happening.name == "user_missed_call":
            caller[happening.users] = data["caller_id_number"]
        elif happening.name.startswith("user_voicemail_message_"):
            life[happening.tenant, data["message_id"]].append(happening.name.rpartition("_")[2])
            assert data["message"]["caller_id_num"] == caller[happening.users]
    assert all(what == ["created", "updated", "deleted"][: len(what)] for what in life.values())


def test_an_event_is_for_its_user_or_for_everyone_and_says_which_right_it_needs(told):
    for _, happening in told:
        assert len(happening.users) <= 1
        assert happening.required.startswith("events.")
        assert all(user in happening.required for user in happening.users)


def test_the_same_chance_tells_the_same_story():
    assert tell(7, 30) == tell(7, 30)
    assert tell(7, 30) != tell(8, 30)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, LATE + 1, -EARLY - 1])
def test_a_jump_of_the_clock_neither_floods_nor_stalls_the_story(jump):
    story = Story(Random(1), BEGIN)
    now = BEGIN
    for _ in range(50):
        _, now = story.next(now)
    happenings, due = story.next(now + jump)
    assert len(happenings) < 10
    assert now + jump < due <= now + jump + 1
