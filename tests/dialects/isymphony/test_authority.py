"""Whose user name and password it is: real threads, real hashes."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import DeferredList, gatherResults
from zope.interface.verify import verifyObject

from tests.support.isymphony_accounts import BOSS, ONE, account, settings
from wsevents.api.identity import Denied, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthority
from wsevents.auth.lookup_cache import LookupCache
from wsevents.dialects.isymphony import authority as module
from wsevents.dialects.isymphony.authority import (
    QUEUED,
    QUEUED_PER_USER,
    THREADS,
    IsymphonyAuthority,
    VerifiedPasswords,
)
from wsevents.dialects.isymphony.basic import Credentials

SLOW = (16384, 8, 1)
"""Costs of a hash that takes long enough for others to come meanwhile."""


def working(section):
    """Yield an authority that works; it may be stopped."""
    authority = IsymphonyAuthority.create(section, reactor)
    authority.startService()
    yield authority
    if authority.running:
        authority.stopService()


@pytest.fixture
def people():
    """An authority with quick hashes."""
    yield from working(settings())


@pytest.fixture
def slow():
    """An authority with slow hashes, so that lines form."""
    users = {
        "boss": account("boss-pw", costs=SLOW),
        "one": account("one-pw", "t1", ("events.#",), costs=SLOW),
    }
    yield from working(settings(users=users))


@pytest.fixture
def looked(monkeypatch):
    """The passwords that threads are given to look at, in order."""
    passwords, give = [], module.deferToThreadPool

    def look(clock, pool, matches, password, form):
        passwords.append(password)
        return give(clock, pool, matches, password, form)

    monkeypatch.setattr(module, "deferToThreadPool", look)
    return passwords


def attempt(number, user="boss", address="10.6.6.6"):
    return Credentials(user, f"wrong {number}", address)


def test_it_is_an_authority(people):
    assert verifyObject(IAuthority, people)


@pytest.mark.parametrize(
    ("credentials", "identity"),
    [(Credentials("boss", "boss-pw"), BOSS), (Credentials("one", "one-pw", "10.0.0.1"), ONE)],
)
@pytest_twisted.ensureDeferred
async def test_the_right_password_yields_the_account(people, credentials, identity):
    for _ in range(2):
        assert await people.answer(credentials, 0.0) == identity
    assert people.revise(identity) == identity


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("boss", "one-pw"),
        Credentials("boss", ""),
        Credentials("boss", "boss-pw "),
        Credentials("Boss", "boss-pw"),
        Credentials("", ""),
        Credentials("nobody", "boss-pw"),
        Credentials("boss", "x" * 12000),
        Credentials("\ud800", "\ud800"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_everything_else_is_denied(people, credentials):
    for _ in range(2):
        assert await people.answer(credentials, 0.0) == Denied("the user or the password is wrong")
    assert await people.answer(Credentials("boss", "boss-pw"), 0.0) == BOSS


@pytest_twisted.ensureDeferred
async def test_what_was_looked_at_is_answered_at_once_even_while_all_threads_are_at_work(slow):
    await slow.answer(Credentials("boss", "boss-pw", "10.0.0.1"), 0.0)
    flood = [slow.answer(attempt(number), 0.0) for number in range(QUEUED_PER_USER)]
    assert slow.answer(Credentials("boss", "boss-pw", "10.0.0.2"), 0.0).result == BOSS
    assert not any(one.called for one in flood)
    await gatherResults(flood)
    assert slow.answer(attempt(0), 0.0).result == Denied("the user or the password is wrong")


@pytest_twisted.ensureDeferred
async def test_a_flood_of_wrong_passwords_is_rejected_and_does_not_delay_other_users(slow, looked):
    flood = [slow.answer(attempt(number), 0.0) for number in range(500)]
    others = [
        slow.answer(Credentials("boss", "boss-pw", "10.0.0.1"), 0.0),
        slow.answer(Credentials("one", "one-pw", "10.6.6.6"), 0.0),
    ]
    sent_away = [one for one in flood if one.called]
    assert len(sent_away) == 500 - THREADS - QUEUED_PER_USER
    assert all(isinstance(one.result, Unavailable) for one in sent_away)
    assert await gatherResults(others) == [BOSS, ONE]
    answers = await gatherResults(flood)
    assert sum(isinstance(answer, Denied) for answer in answers) == THREADS + QUEUED_PER_USER
    # The other requests came after the whole flood. Each waited for one check of the flood, in addition to
    # the checks that were running.
    assert looked[:5] == ["wrong 0", "wrong 1", "wrong 2", "boss-pw", "one-pw"]


@pytest_twisted.ensureDeferred
async def test_a_flood_from_many_addresses_leaves_room_for_another_address(slow):
    flood = [
        slow.answer(attempt(number, address=f"10.6.6.{number % 8}"), 0.0)
        for number in range(8 * QUEUED_PER_USER)
    ]
    assert sum(not one.called for one in flood) == QUEUED + THREADS
    other = slow.answer(Credentials("boss", "boss-pw", "10.0.0.1"), 0.0)
    assert sum(not one.called for one in flood) == QUEUED + THREADS - 1
    assert await other == BOSS
    slow.stopService()
    await DeferredList(flood)


@pytest_twisted.ensureDeferred
async def test_a_cancelled_question_leaves_the_queue_and_the_others_are_answered(slow):
    asked = [slow.answer(attempt(number), 0.0) for number in range(6)]
    for one in asked[:5]:
        one.addErrback(lambda _: "gone")
        one.cancel()
    assert [one.result for one in asked[:5]] == ["gone"] * 5
    assert isinstance(await asked[5], Denied)
    assert await slow.answer(Credentials("boss", "boss-pw"), 0.0) == BOSS


@pytest_twisted.ensureDeferred
async def test_a_queued_password_that_is_now_in_the_cache_is_not_hashed_again(slow, looked):
    same = [slow.answer(Credentials("boss", "boss-pw", f"10.0.0.{number}"), 0.0) for number in range(20)]
    assert await gatherResults(same) == [BOSS] * 20
    assert len(looked) <= 2 * THREADS


@pytest_twisted.ensureDeferred
async def test_many_reconnections_after_a_restart_need_one_hash_and_none_is_rejected(slow, looked):
    slow.stopService()
    lookups = LookupCache(slow)
    lookups.startService()
    crowd = [
        lookups.answer(Credentials("boss", "boss-pw", f"10.0.{number // 100}.{number % 100}"), 0.0)
        for number in range(1000)
    ]
    assert await gatherResults(crowd) == [BOSS] * len(crowd)
    assert looked == ["boss-pw"]
    await lookups.stopService()


@pytest_twisted.ensureDeferred
async def test_queued_questions_are_unavailable_after_the_stop(slow):
    asked = [slow.answer(attempt(number), 0.0) for number in range(6)]
    slow.stopService()
    assert all(isinstance(one.result, Unavailable) for one in asked[THREADS:])
    await gatherResults(asked)
    assert isinstance(slow.answer(attempt(0), 0.0).result, Unavailable)
    slow.startService()
    assert await slow.answer(Credentials("boss", "boss-pw"), 0.0) == BOSS


def test_what_are_no_credentials_is_not_answered(people):
    assert isinstance(people.answer(WhoIs("x"), 0.0).result, Unavailable)


@pytest_twisted.ensureDeferred
async def test_a_hash_that_cannot_be_computed_fails_one_question_only(people, errors, monkeypatch):
    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "matches", fail)
        assert isinstance(await people.answer(Credentials("boss", "boss-pw"), 0.0), Unavailable)
    assert len(errors.flush(MemoryError)) == 1
    assert await people.answer(Credentials("boss", "boss-pw"), 0.0) == BOSS


def test_the_memory_is_bounded_and_keeps_no_password():
    memory = VerifiedPasswords(size=10)
    for number in range(1000):
        memory.add(attempt(number), correct=False)
    memory.add(Credentials("boss", "s3cret"), correct=True)
    assert len(memory) == 11
    assert memory.get(attempt(999)) is False
    assert memory.get(attempt(989)) is None
    assert memory.get(Credentials("boss", "s3cret")) is True
    assert memory.get(Credentials("boss", "other")) is None
    assert memory.get(Credentials("boss\0s3cret", "")) is None
    kept = repr(memory) + repr(list(memory._correct.values())) + repr(list(memory._wrong))
    assert "s3cret" not in kept
    assert "wrong" not in kept


def test_two_processes_remember_differently():
    one, other = VerifiedPasswords(), VerifiedPasswords()
    for memory in (one, other):
        memory.add(Credentials("boss", "s3cret"), correct=True)
    assert one._correct != other._correct
