"""Encoding of published events."""

from __future__ import annotations

import json
import time

from wsevents.core.wazo_publication import NewEvent, body, headers

NOW = 1_800_000_000.25


def test_an_event_for_one_user_names_that_user():
    head = headers(NewEvent("x", "t", {}, "events.x", ("u",)), "o", NOW, 0)
    assert head == {
        "name": "x",
        "tenant_uuid": "t",
        "user_uuid:u": True,
        "required_access": "event.x",
        "required_acl": "events.x",
        "origin_uuid": "o",
        "timestamp": "2027-01-15T08:00:00.250000",
    }


def test_the_timestamp_is_local_time_without_a_zone_from_the_given_offset(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        said = [headers(NewEvent("x", "t", {}, None), None, NOW, ahead)["timestamp"] for ahead in (0, -12600)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert said == ["2027-01-15T08:00:00.250000", "2027-01-15T04:30:00.250000"]


def test_an_event_without_users_is_for_every_user():
    head = headers(NewEvent("x", "t", {}, "events.x"), "o", NOW, 0)
    assert head["user_uuid:*"] is True


def test_several_users_are_all_named():
    head = headers(NewEvent("x", "t", {}, None, ("u", "v")), "o", NOW, 0)
    assert [name for name in head if name.startswith("user_uuid")] == ["user_uuid:u", "user_uuid:v"]


def test_an_event_without_a_required_acl_has_null():
    assert headers(NewEvent("x", "t", {}, None), "o", NOW, 0)["required_acl"] is None


def test_without_an_origin_the_header_is_left_out():
    assert "origin_uuid" not in headers(NewEvent("x", "t", {}, None), None, NOW, 0)


def test_the_body_is_the_headers_and_the_data():
    head = headers(NewEvent("x", "t", {}, None), "o", NOW, 0)
    assert json.loads(body(head, {"naïve": [1, None]})) == {**head, "data": {"naïve": [1, None]}}
