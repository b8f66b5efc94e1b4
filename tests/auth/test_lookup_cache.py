import pytest
import pytest_twisted
from attrs import define, evolve, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import eventAsText
from zope.interface import implementer

from wsevents.api.identity import Check, Confirmed, Denied, Identity, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthenticator, IAuthority
from wsevents.api.settings import Auth
from wsevents.auth.lookup_cache import LookupCache


@implementer(IAuthenticator)
@define(eq=False)
class FakeAuthenticator(Service):
    """An authenticator that answers with `reply`, or when a test fires a Deferred of `pending`."""

    reply: object = None
    asked: list = field(factory=list)
    pending: list = field(factory=list)
    watchers: list = field(factory=list)
    reach: str = "user"

    settings = Auth

    @classmethod
    def create(cls, settings, reactor):
        return cls()

    def answer(self, question, now):
        self.asked.append(question)
        if isinstance(self.reply, Exception):
            raise self.reply
        if isinstance(self.reply, Deferred):
            return self.reply
        if self.reply is not None:
            return succeed(self.reply)
        self.pending.append(Deferred())
        return self.pending[-1]

    def revise(self, identity):
        return evolve(identity, reach=self.reach)

    def watch(self, changed):
        self.watchers.append(changed)


ALICE = Identity(subject="alice", tenant="t", acl=("websocketd",))


@pytest.fixture
def authenticator():
    return FakeAuthenticator()


@pytest.fixture
def lookups(authenticator):
    lookups = LookupCache(authenticator, remembered=3, seconds=10.0)
    lookups.startService()
    return lookups


def ask(lookups, question, now=0.0):
    answers = []
    lookups.answer(question, now).addCallback(answers.append)
    return answers


def test_it_starts_and_stops_with_the_authenticator(lookups, authenticator):
    assert authenticator.running
    lookups.stopService()
    assert not authenticator.running


def test_equal_concurrent_questions_cause_one_lookup(lookups, authenticator):
    callers = [ask(lookups, WhoIs("a")) for _ in range(1000)]
    other, check = ask(lookups, WhoIs("b")), ask(lookups, Check("a"))
    assert authenticator.asked == [WhoIs("a"), WhoIs("b"), Check("a")]
    authenticator.pending[0].callback(ALICE)
    assert callers == [[ALICE]] * 1000
    assert other == check == []
    authenticator.pending[1].callback(Denied("no"))
    authenticator.pending[2].callback(Confirmed())
    assert (other, check) == ([Denied("no")], [Confirmed()])


def test_an_answered_question_causes_a_new_lookup(lookups, authenticator):
    authenticator.reply = ALICE
    assert ask(lookups, WhoIs("a")) == ask(lookups, WhoIs("a")) == [ALICE]
    assert len(authenticator.asked) == 2


def test_a_callback_may_ask_again_at_once(lookups, authenticator):
    again = []
    lookups.answer(WhoIs("a"), 0.0).addCallback(lambda _: again.append(ask(lookups, WhoIs("a"))))
    authenticator.pending[0].callback(Denied("no"))
    assert again == [[]]
    authenticator.pending[1].callback(ALICE)
    assert again == [[ALICE]]


CANCELLED = Unavailable("the lookup was cancelled")


@pytest_twisted.ensureDeferred
async def test_a_cancelled_caller_does_not_affect_the_others(lookups, authenticator):
    first, second = lookups.answer(WhoIs("a"), 0.0), lookups.answer(WhoIs("a"), 0.0)
    first.cancel()
    assert await first == CANCELLED
    authenticator.pending[0].callback(ALICE)
    assert await second == ALICE


def test_a_lookup_without_callers_is_cancelled(lookups, authenticator, logged):
    callers = [lookups.answer(WhoIs("a"), 0.0) for _ in range(3)]
    others = ask(lookups, WhoIs("b"))
    for caller in callers:
        assert not authenticator.pending[0].called
        caller.cancel()
    assert authenticator.pending[0].called
    assert others == logged == []
    authenticator.pending[1].callback(ALICE)
    assert others == [ALICE]


def test_a_question_after_a_cancelled_lookup_causes_a_new_lookup(lookups, authenticator):
    lookups.answer(WhoIs("a"), 0.0).cancel()
    answers = ask(lookups, WhoIs("a"))
    assert len(authenticator.asked) == 2
    authenticator.pending[1].callback(ALICE)
    assert answers == [ALICE]


def test_an_authenticator_may_answer_a_cancelled_lookup(lookups, authenticator, logged):
    authenticator.reply = Deferred(lambda late: late.callback(Denied("late")))
    caller = lookups.answer(WhoIs("a"), 0.0)
    caller.cancel()
    answers = []
    caller.addCallback(answers.append)
    assert answers == [CANCELLED]
    assert logged == []


def test_a_question_during_the_cancellation_gets_its_own_lookup(lookups, authenticator):
    again = []
    lookups.bus_lost()
    authenticator.reply = Deferred(lambda _: again.append(ask(lookups, WhoIs("a"))))
    caller = lookups.answer(WhoIs("a"), 0.0)
    authenticator.reply = None
    caller.cancel()
    assert again == [[]]
    authenticator.pending[0].callback(ALICE)
    assert again == [[ALICE]]


def test_a_callback_may_cancel_another_caller(lookups, authenticator):
    answers = []
    first, second = lookups.answer(WhoIs("a"), 0.0), lookups.answer(WhoIs("a"), 0.0)
    second.addCallback(answers.append)
    first.addCallback(lambda _: second.cancel())
    authenticator.pending[0].callback(ALICE)
    assert answers == [CANCELLED]


def test_a_cancel_after_the_answer_has_no_effect(lookups, authenticator):
    caller = lookups.answer(WhoIs("a"), 0.0)
    authenticator.pending[0].callback(ALICE)
    caller.cancel()
    answers = []
    caller.addCallback(answers.append)
    assert answers == [ALICE]


def test_an_identity_is_cached_for_ten_seconds_while_the_bus_is_down(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    for now in (100.0, 105.0, 109.9):
        assert ask(lookups, WhoIs("a"), now) == [ALICE]
    assert len(authenticator.asked) == 1
    assert ask(lookups, WhoIs("a"), 110.0) == [ALICE]
    assert len(authenticator.asked) == 2
    assert ask(lookups, WhoIs("a"), 119.0) == [ALICE]
    assert len(authenticator.asked) == 2


def test_a_clock_set_back_invalidates_the_cache(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    ask(lookups, WhoIs("a"), 50.0)
    assert len(authenticator.asked) == 2


def test_nothing_is_cached_while_the_bus_is_up(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_back()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    assert len(authenticator.asked) == 3


def test_an_answer_after_the_bus_is_up_again_is_not_cached(lookups, authenticator):
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_back()
    authenticator.pending[0].callback(ALICE)
    lookups.bus_lost()
    assert ask(lookups, WhoIs("a"), 100.0) == []


def test_only_identities_are_cached(lookups, authenticator):
    lookups.bus_lost()
    for authenticator.reply in (Denied("no"), Unavailable("down"), Confirmed()):
        ask(lookups, WhoIs("a"), 100.0)
        ask(lookups, Check("b"), 100.0)
    authenticator.reply = ALICE
    ask(lookups, WhoIs("a"), 100.0)
    authenticator.reply = Confirmed()
    ask(lookups, Check("a"), 100.0)
    assert len(authenticator.asked) == 8


def test_an_expired_token_is_not_answered_from_the_cache(lookups, authenticator):
    authenticator.reply = evolve(ALICE, expires=105.0)
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    ask(lookups, WhoIs("a"), 104.9)
    assert len(authenticator.asked) == 1
    authenticator.reply = Denied("expired")
    assert ask(lookups, WhoIs("a"), 105.0) == [Denied("expired")]


def test_a_cached_identity_is_revised(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"))
    authenticator.reach = "all"
    assert ask(lookups, WhoIs("a")) == [evolve(ALICE, reach="all")]


def test_the_cache_is_bounded_and_drops_the_oldest_entry(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    for token in "abcd":
        ask(lookups, WhoIs(token))
    asked = len(authenticator.asked)
    for token in "dcb":
        ask(lookups, WhoIs(token))
    assert len(authenticator.asked) == asked
    ask(lookups, WhoIs("a"))
    assert len(authenticator.asked) == asked + 1


def test_the_cache_does_not_hold_the_token(lookups, authenticator):
    authenticator.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("sesame"))
    assert "sesame" not in repr(vars(lookups))
    assert all(b"sesame" not in key for key in lookups._cache.entries)


@pytest.mark.parametrize(
    "failed", [lambda: KeyError("sesame"), lambda: fail(KeyError("sesame"))], ids=["raises", "fails"]
)
def test_an_authenticator_error_is_unavailable_and_logged_without_the_token(
    failed, lookups, authenticator, logged, errors
):
    authenticator.reply = failed()
    assert ask(lookups, WhoIs("sesame")) == [Unavailable("the authenticator failed")]
    assert ["KeyError" in eventAsText(event) for event in logged] == [True]
    assert not any("sesame" in repr(event) or "sesame" in eventAsText(event) for event in logged)
    errors.flush(KeyError)


def test_watch_and_revise_are_passed_to_the_authenticator(lookups, authenticator):
    lookups.watch(print)
    assert authenticator.watchers == [print]
    assert lookups.revise(ALICE) == ALICE


def test_it_is_an_authority_and_not_a_plug_in(lookups):
    assert IAuthority.providedBy(lookups)
    assert not IAuthenticator.providedBy(lookups)
    assert not hasattr(lookups, "settings")
    assert not hasattr(lookups, "create")
