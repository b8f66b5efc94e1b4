"""The demo service publishes its events on a bus."""

from __future__ import annotations

import json
from random import Random

from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from wsevents.api.errors import BusError
from wsevents.demo.cast import COMPANIES
from wsevents.demo.service import DemoService

BEGIN = 1_800_000_000.0


class RecordingBus:
    """A bus that records the published messages."""

    def __init__(self):
        self.published = []
        self.broken = False

    def publish(self, exchange, key, headers, body):
        if self.broken:
            return fail(BusError("gone"))
        self.published.append((exchange, key, headers, body))
        return succeed(None)


def make(origin="origin"):
    bus, clock = RecordingBus(), Clock()
    demo = DemoService(
        bus,
        "an-exchange",
        clock=clock,
        now=lambda: BEGIN + clock.seconds(),
        entropy=Random(1),
        origin=origin,
    )
    return bus, clock, demo


def test_it_publishes_in_the_format_of_wazo():
    bus, clock, demo = make()
    demo.startService()
    clock.pump([0.1] * 300)
    demo.stopService()
    assert {exchange for exchange, *_ in bus.published} == {"an-exchange"}
    for _, key, headers, body in bus.published:
        decoded = json.loads(body)
        data = decoded.pop("data")
        assert decoded == headers
        assert isinstance(data, dict)
        assert key
        assert headers["origin_uuid"] == "origin"
        assert headers["tenant_uuid"] in {company.tenant for company in COMPANIES}
        assert headers["required_acl"].startswith("events.")
        users = [name for name in headers if name.startswith("user_uuid:")]
        assert len(users) == 1
        assert headers[users[0]] is True
    assert len({headers["name"] for *_, headers, _ in bus.published}) == 16


def test_after_a_stop_no_timer_remains_and_nothing_is_published():
    bus, clock, demo = make()
    demo.startService()
    clock.advance(1)
    demo.stopService()
    assert clock.getDelayedCalls() == []
    count = len(bus.published)
    clock.advance(60)
    assert len(bus.published) == count


def test_it_can_be_started_again():
    bus, clock, demo = make()
    for _ in range(2):
        demo.startService()
        clock.pump([0.1] * 10)
        demo.stopService()
    assert clock.getDelayedCalls() == []
    assert bus.published


def test_a_failing_bus_is_logged_once_and_does_not_stop_the_demo():
    bus, clock, demo = make()
    logged = []
    globalLogPublisher.addObserver(logged.append)
    try:
        bus.broken = True
        demo.startService()
        clock.pump([0.1] * 50)
        bus.broken = False
        clock.pump([0.1] * 50)
    finally:
        globalLogPublisher.removeObserver(logged.append)
        demo.stopService()
    assert [event["why"] for event in logged if "why" in event] == ["gone"]
    assert bus.published
