"""`wsevents kick` has a status listener end sessions."""

import pytest
from pytest_twisted import ensureDeferred

from tests.support.shell import meanwhile, wsevents
from tests.support.status_listener import UUID, listener, session

__all__ = ["listener"]


@ensureDeferred
async def test_one_session_is_ended_by_its_id(listener):
    listener.resource.sessions = [session("1-1"), session("1-2")]
    done = await meanwhile("kick", "1-2", "--url", listener.url)
    assert (done.status, done.out) == (0, "disconnected: 1\n")
    assert listener.resource.requests == [("POST", "/kick", {}, {"id": "1-2"})]


@ensureDeferred
async def test_all_of_a_user_are_ended_in_one_dialect_or_in_any(listener):
    listener.resource.sessions = [session("1-1"), session("1-2"), session("1-3", dialect="voipbin")]
    done = await meanwhile("kick", "--user", UUID, "--url", listener.url, "--json")
    assert (done.status, done.json) == (0, {"kicked": 3})
    done = await meanwhile("kick", "--user", UUID, "--dialect", "voipbin", "--url", listener.url)
    assert (done.status, done.out) == (0, "disconnected: 1\n")


@ensureDeferred
async def test_nobody_to_end_is_a_no(listener):
    done = await meanwhile("kick", "--user", UUID, "--url", listener.url)
    assert (done.status, done.out) == (1, "disconnected: 0\n")


@ensureDeferred
async def test_an_unknown_id_is_a_no_in_the_words_of_the_gateway(listener):
    done = await meanwhile("kick", "9-9", "--url", listener.url)
    assert (done.status, done.out, done.err) == (1, "", "there is no session 9-9\n")


@pytest.mark.parametrize("words", [(), ("1-1", "--user", UUID)])
def test_whom_must_be_said_once(words):
    done = wsevents("kick", *words)
    assert (done.status, "give either the ID of a session or --user" in done.err) == (2, True)
