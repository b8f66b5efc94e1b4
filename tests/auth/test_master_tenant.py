import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import eventAsText

from wsevents.api.errors import WseventsError
from wsevents.auth.master_tenant import MasterTenant


@define(eq=False)
class World:
    """A master tenant whose requests are answered by the test."""

    clock: Clock = field(factory=Clock)
    asked: list = field(factory=list)
    changes: list = field(factory=list)
    master: MasterTenant = None

    def __attrs_post_init__(self):
        self.master = MasterTenant(self.fetch, self.clock, lambda: self.changes.append(self.master.tenant))

    def fetch(self):
        self.asked.append(Deferred())
        return self.asked[-1]

    def yields(self, tenant):
        self.asked[-1].callback(tenant)

    def fails(self, why="no"):
        self.asked[-1].errback(WseventsError(why))


@define(eq=False)
class Stop:
    """Instead of taking note of a change, stops who tells it."""

    master: MasterTenant

    def append(self, tenant):
        self.master.stopService()


@pytest.fixture
def world(expected):
    world = World()
    world.master.startService()
    yield world
    expected("no service token")
    if world.master.running:
        world.master.stopService()
    assert world.clock.getDelayedCalls() == []


def test_the_master_tenant_is_none_before_the_first_token(world):
    assert world.master.tenant is None
    assert len(world.asked) == 1


def test_a_new_master_tenant_is_reported(world):
    world.yields("m")
    assert world.master.tenant == "m"
    assert world.changes == ["m"]


def test_retries_back_off_to_32_seconds(world):
    for number, delay in enumerate((1, 2, 4, 8, 16, 32, 32, 32), start=1):
        world.fails()
        world.clock.advance(delay - 0.01)
        assert len(world.asked) == number
        world.clock.advance(0.01)
        assert len(world.asked) == number + 1


def test_the_service_token_is_renewed_before_it_expires(world):
    world.yields("m")
    world.clock.advance(0.85 * 21600 - 1)
    assert len(world.asked) == 1
    world.clock.advance(1)
    assert len(world.asked) == 2


def test_an_unchanged_master_tenant_is_not_reported(world):
    for tenant in ("m", "m", "n"):
        world.yields(tenant)
        world.clock.advance(0.85 * 21600)
    assert world.changes == ["m", "n"]


def test_a_success_resets_the_back_off_and_failures_keep_the_tenant(world):
    world.fails()
    world.clock.advance(1)
    world.fails()
    world.clock.advance(2)
    world.yields("m")
    world.clock.advance(0.85 * 21600)
    world.fails()
    assert world.master.tenant == "m"
    world.clock.advance(1)
    assert len(world.asked) == 5


def test_consecutive_failures_and_their_end_are_logged_once(world, logged):
    for delay in (1, 2, 4):
        world.fails("the key is wrong")
        world.clock.advance(delay)
    world.yields("m")
    world.clock.advance(0.85 * 21600)
    world.yields("m")
    texts = [eventAsText(event) for event in logged]
    assert ["the key is wrong" in text for text in texts] == [True, False]
    assert "the master tenant is m" in texts[1]


def test_it_stops_during_a_request(world):
    world.master.stopService()
    assert world.asked[0].called


def test_it_stops_between_two_requests(world):
    world.yields("m")
    world.master.stopService()
    assert world.clock.getDelayedCalls() == []


def test_a_callback_may_stop_it(world):
    world.changes = Stop(world.master)
    world.yields("m")
    assert not world.master.running


def test_an_unexpected_error_is_retried(world, logged):
    world.asked[-1].errback(KeyError("sesame"))
    assert ["KeyError" in eventAsText(event) for event in logged] == [True]
    assert "sesame" not in eventAsText(logged[0])
    world.clock.advance(1)
    assert len(world.asked) == 2


def test_it_can_be_started_again(world):
    world.master.stopService()
    world.master.startService()
    world.yields("m")
    assert world.master.tenant == "m"
