"""`wsevents kick` asks a status listener to disconnect sessions."""

import pytest
from pytest_twisted import ensureDeferred

from tests.support.shell import meanwhile, wsevents
from tests.support.status_listener import UUID, listener, session

__all__ = ["listener"]


@ensureDeferred
async def test_a_session_is_disconnected_by_its_id(listener):
    listener.resource.sessions = [session("1-1"), session("1-2")]
    done = await meanwhile("kick", "1-2", "--url", listener.url)
    assert (done.status, done.out) == (0, "disconnected: 1\n")
    assert listener.resource.requests == [("POST", "/kick", {}, {"id": "1-2"})]


@ensureDeferred
async def test_all_sessions_of_a_user_are_disconnected_in_one_dialect_or_in_all(listener):
    listener.resource.sessions = [session("1-1"), session("1-2"), session("1-3", dialect="voipbin")]
    done = await meanwhile("kick", "--user", UUID, "--url", listener.url, "--json")
    assert (done.status, done.json) == (0, {"kicked": 3})
    done = await meanwhile("kick", "--user", UUID, "--dialect", "voipbin", "--url", listener.url)
    assert (done.status, done.out) == (0, "disconnected: 1\n")


@ensureDeferred
async def test_no_matching_session_is_a_failure(listener):
    done = await meanwhile("kick", "--user", UUID, "--url", listener.url)
    assert (done.status, done.out) == (1, "disconnected: 0\n")


@ensureDeferred
async def test_an_unknown_id_is_reported_in_the_words_of_the_gateway(listener):
    done = await meanwhile("kick", "9-9", "--url", listener.url)
    assert (done.status, done.out, done.err) == (1, "", "there is no session 9-9\n")


@pytest.mark.parametrize("words", [(), ("1-1", "--user", UUID)])
def test_either_an_id_or_a_user_is_required(words):
    done = wsevents("kick", *words)
    assert (done.status, "give either the ID of a session or --user" in done.err) == (2, True)
