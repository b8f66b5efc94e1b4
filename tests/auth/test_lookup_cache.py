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
class Oracle(Service):
    """Answers what it is told, or when it is told."""

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
def oracle():
    return Oracle()


@pytest.fixture
def lookups(oracle):
    lookups = LookupCache(oracle, remembered=3, seconds=10.0)
    lookups.startService()
    return lookups


def ask(lookups, question, now=0.0):
    answers = []
    lookups.answer(question, now).addCallback(answers.append)
    return answers


def test_it_starts_and_stops_with_the_authenticator(lookups, oracle):
    assert oracle.running
    lookups.stopService()
    assert not oracle.running


def test_equal_questions_under_way_are_put_once(lookups, oracle):
    askers = [ask(lookups, WhoIs("a")) for _ in range(1000)]
    other, check = ask(lookups, WhoIs("b")), ask(lookups, Check("a"))
    assert oracle.asked == [WhoIs("a"), WhoIs("b"), Check("a")]
    oracle.pending[0].callback(ALICE)
    assert askers == [[ALICE]] * 1000
    assert other == check == []
    oracle.pending[1].callback(Denied("no"))
    oracle.pending[2].callback(Confirmed())
    assert (other, check) == ([Denied("no")], [Confirmed()])


def test_a_question_that_was_answered_is_put_again(lookups, oracle):
    oracle.reply = ALICE
    assert ask(lookups, WhoIs("a")) == ask(lookups, WhoIs("a")) == [ALICE]
    assert len(oracle.asked) == 2


def test_who_is_told_may_ask_again_at_once(lookups, oracle):
    again = []
    lookups.answer(WhoIs("a"), 0.0).addCallback(lambda _: again.append(ask(lookups, WhoIs("a"))))
    oracle.pending[0].callback(Denied("no"))
    assert again == [[]]
    oracle.pending[1].callback(ALICE)
    assert again == [[ALICE]]


WITHDRAWN = Unavailable("the lookup was cancelled")


@pytest_twisted.ensureDeferred
async def test_one_who_gives_up_does_not_disturb_the_others(lookups, oracle):
    first, second = lookups.answer(WhoIs("a"), 0.0), lookups.answer(WhoIs("a"), 0.0)
    first.cancel()
    assert await first == WITHDRAWN
    oracle.pending[0].callback(ALICE)
    assert await second == ALICE


def test_a_question_that_nobody_waits_for_any_more_is_withdrawn(lookups, oracle, logged):
    askers = [lookups.answer(WhoIs("a"), 0.0) for _ in range(3)]
    others = ask(lookups, WhoIs("b"))
    for asker in askers:
        assert not oracle.pending[0].called
        asker.cancel()
    assert oracle.pending[0].called
    assert others == logged == []
    oracle.pending[1].callback(ALICE)
    assert others == [ALICE]


def test_a_question_that_was_withdrawn_is_put_again(lookups, oracle):
    lookups.answer(WhoIs("a"), 0.0).cancel()
    answers = ask(lookups, WhoIs("a"))
    assert len(oracle.asked) == 2
    oracle.pending[1].callback(ALICE)
    assert answers == [ALICE]


def test_an_authenticator_may_answer_what_was_withdrawn(lookups, oracle, logged):
    oracle.reply = Deferred(lambda late: late.callback(Denied("late")))
    asker = lookups.answer(WhoIs("a"), 0.0)
    asker.cancel()
    answers = []
    asker.addCallback(answers.append)
    assert answers == [WITHDRAWN]
    assert logged == []


def test_who_asks_anew_amid_the_withdrawal_gets_an_answer_of_its_own(lookups, oracle):
    again = []
    lookups.bus_lost()
    oracle.reply = Deferred(lambda _: again.append(ask(lookups, WhoIs("a"))))
    asker = lookups.answer(WhoIs("a"), 0.0)
    oracle.reply = None
    asker.cancel()
    assert again == [[]]
    oracle.pending[0].callback(ALICE)
    assert again == [[ALICE]]


def test_one_who_is_told_may_cancel_another(lookups, oracle):
    told = []
    first, second = lookups.answer(WhoIs("a"), 0.0), lookups.answer(WhoIs("a"), 0.0)
    second.addCallback(told.append)
    first.addCallback(lambda _: second.cancel())
    oracle.pending[0].callback(ALICE)
    assert told == [WITHDRAWN]


def test_what_was_answered_can_no_longer_be_withdrawn(lookups, oracle):
    asker = lookups.answer(WhoIs("a"), 0.0)
    oracle.pending[0].callback(ALICE)
    asker.cancel()
    answers = []
    asker.addCallback(answers.append)
    assert answers == [ALICE]


def test_while_the_bus_is_down_an_identity_is_remembered_for_some_seconds(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    for now in (100.0, 105.0, 109.9):
        assert ask(lookups, WhoIs("a"), now) == [ALICE]
    assert len(oracle.asked) == 1
    assert ask(lookups, WhoIs("a"), 110.0) == [ALICE]
    assert len(oracle.asked) == 2
    assert ask(lookups, WhoIs("a"), 119.0) == [ALICE]
    assert len(oracle.asked) == 2


def test_a_clock_that_is_set_back_ends_what_is_remembered(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    ask(lookups, WhoIs("a"), 50.0)
    assert len(oracle.asked) == 2


def test_once_the_bus_is_back_nothing_is_remembered(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_back()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    assert len(oracle.asked) == 3


def test_an_answer_that_comes_after_the_bus_is_back_is_not_remembered(lookups, oracle):
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    lookups.bus_back()
    oracle.pending[0].callback(ALICE)
    lookups.bus_lost()
    assert ask(lookups, WhoIs("a"), 100.0) == []


def test_only_identities_are_remembered(lookups, oracle):
    lookups.bus_lost()
    for oracle.reply in (Denied("no"), Unavailable("down"), Confirmed()):
        ask(lookups, WhoIs("a"), 100.0)
        ask(lookups, Check("b"), 100.0)
    oracle.reply = ALICE
    ask(lookups, WhoIs("a"), 100.0)
    oracle.reply = Confirmed()
    ask(lookups, Check("a"), 100.0)
    assert len(oracle.asked) == 8


def test_a_token_that_has_expired_meanwhile_is_not_remembered(lookups, oracle):
    oracle.reply = evolve(ALICE, expires=105.0)
    lookups.bus_lost()
    ask(lookups, WhoIs("a"), 100.0)
    ask(lookups, WhoIs("a"), 104.9)
    assert len(oracle.asked) == 1
    oracle.reply = Denied("expired")
    assert ask(lookups, WhoIs("a"), 105.0) == [Denied("expired")]


def test_a_remembered_identity_is_worth_what_it_is_worth_now(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("a"))
    oracle.reach = "all"
    assert ask(lookups, WhoIs("a")) == [evolve(ALICE, reach="all")]


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    for token in "abcd":
        ask(lookups, WhoIs(token))
    asked = len(oracle.asked)
    for token in "dcb":
        ask(lookups, WhoIs(token))
    assert len(oracle.asked) == asked
    ask(lookups, WhoIs("a"))
    assert len(oracle.asked) == asked + 1


def test_what_is_remembered_is_not_the_token(lookups, oracle):
    oracle.reply = ALICE
    lookups.bus_lost()
    ask(lookups, WhoIs("sesame"))
    assert "sesame" not in repr(vars(lookups))
    assert all(b"sesame" not in key for key in lookups._cache.entries)


@pytest.mark.parametrize(
    "failed", [lambda: KeyError("sesame"), lambda: fail(KeyError("sesame"))], ids=["raises", "fails"]
)
def test_an_authenticator_that_fails_has_answered_and_is_reported_without_the_token(
    failed, lookups, oracle, logged, errors
):
    oracle.reply = failed()
    assert ask(lookups, WhoIs("sesame")) == [Unavailable("the authenticator failed")]
    assert ["KeyError" in eventAsText(event) for event in logged] == [True]
    assert not any("sesame" in repr(event) or "sesame" in eventAsText(event) for event in logged)
    errors.flush(KeyError)


def test_who_watches_watches_the_authenticator(lookups, oracle):
    lookups.watch(print)
    assert oracle.watchers == [print]
    assert lookups.revise(ALICE) == ALICE


def test_it_is_an_authority_and_no_plugin(lookups):
    assert IAuthority.providedBy(lookups)
    assert not IAuthenticator.providedBy(lookups)
    assert not hasattr(lookups, "settings")
    assert not hasattr(lookups, "create")
