"""The contract of every authority and authenticator.

A test module defines a fixture `authenticator`, which is started and knows exactly the tokens of `CAST`, and
inherits from `AuthenticatorContract`. An authority that is not a plug-in inherits from `AuthorityContract`.
"""

from __future__ import annotations

import time

import attrs
import pytest
import pytest_twisted
from attrs import frozen
from twisted.application.service import IService
from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.logger import LogLevel, eventAsText
from zope.interface.verify import verifyClass, verifyObject

from wsevents.api.identity import Check, Confirmed, Denied, Describe, Identity, Unavailable, WhoIs
from wsevents.api.interfaces import IAuthenticator, IAuthority
from wsevents.api.settings import Auth

ME = "11111111-1111-4111-8111-111111111111"
TENANT = "22222222-2222-4222-8222-222222222222"
SESSION = "33333333-3333-4333-8333-333333333333"
MASTER = "00000000-0000-4000-8000-000000000001"
LATER = 4102444800.0
"""The expiry of tokens that expire: the beginning of 2100."""


@frozen(kw_only=True)
class Member:
    """The owner of a token."""

    tenant: str = TENANT
    acl: tuple[str, ...] = ("websocketd", "events.#")
    admin: bool = False
    session: str | None = None
    expires: float = LATER


CAST = {
    "token-of-a-user": Member(acl=("websocketd", "!events.calls.#", "events.me.#")),
    "token-of-an-administrator": Member(admin=True),
    "token-of-the-master-tenant": Member(tenant=MASTER, admin=True),
    "token-with-a-session": Member(session=SESSION),
    "token-that-has-expired": Member(expires=1000000000.0),
    "token-without-the-acl": Member(acl=("events.#",)),
    "token-with-the-acl-denied": Member(acl=("#", "!websocketd")),
}

STRANGE = [
    "nobody-has-this",
    "",
    " ",
    "\t\r\n",
    "\0",
    ".",
    "..",
    "../token-of-a-user",
    "token-of-a-user/",
    "token-of-a-user?scope=x",
    "token-of-a-user#x",
    "token%2Dof%2Da%2Duser",
    "TOKEN-OF-A-USER",
    "token-of-a-user ",
    "ünïcödé-☃",
    "\ud800",
    "x" * 4096,
    "x" * 1000000,
]


class AuthorityContract:
    """Subclass it as `Test…` in a module with the fixture."""

    def test_it_keeps_the_interface_of_authorities(self, authenticator):
        assert verifyClass(IAuthority, type(authenticator))
        assert verifyObject(IAuthority, authenticator)
        assert verifyObject(IService, authenticator)

    @pytest_twisted.ensureDeferred
    async def test_a_cancelled_question_does_not_cancel_the_same_question_of_others(
        self, authenticator, logged
    ):
        for question in (WhoIs("token-of-a-user"), Check("nobody-has-this")):
            answer = authenticator.answer(question, time.time())
            answer.addErrback(lambda failure: failure.trap(CancelledError))
            answer.cancel()
            assert answer.called
        assert await authenticator.answer(Check("token-of-a-user"), time.time()) == Confirmed()
        assert not [event for event in logged if event["log_level"] > LogLevel.info]

    @pytest_twisted.ensureDeferred
    async def test_a_token_yields_the_identity_of_its_owner(self, authenticator):
        identity = await authenticator.answer(WhoIs("token-of-a-user"), time.time())
        assert isinstance(identity, Identity)
        assert (identity.subject, identity.tenant) == (ME, TENANT)
        assert identity.acl == ("websocketd", "!events.calls.#", "events.me.#")
        assert identity.expires == LATER
        assert identity.session is None
        assert identity.reach == "user"

    @pytest_twisted.ensureDeferred
    async def test_the_identity_has_the_login_session(self, authenticator):
        identity = await authenticator.answer(WhoIs("token-with-a-session"), time.time())
        assert identity.session == SESSION

    @pytest.mark.parametrize(
        ("token", "reach"),
        [
            ("token-of-a-user", "user"),
            ("token-of-an-administrator", "tenant"),
            ("token-of-the-master-tenant", "all"),
        ],
    )
    @pytest_twisted.ensureDeferred
    async def test_a_token_has_its_reach(self, authenticator, token, reach):
        identity = await authenticator.answer(WhoIs(token), time.time())
        assert identity.reach == reach
        assert authenticator.revise(identity) == identity

    @pytest.mark.parametrize(
        "token", ["token-that-has-expired", "token-without-the-acl", "token-with-the-acl-denied"]
    )
    @pytest_twisted.ensureDeferred
    async def test_an_expired_or_unfit_token_is_denied(self, authenticator, token):
        assert isinstance(await authenticator.answer(WhoIs(token), time.time()), Denied)
        assert isinstance(await authenticator.answer(Check(token), time.time()), Denied)

    @pytest.mark.parametrize("token", STRANGE, ids=range(len(STRANGE)))
    @pytest_twisted.ensureDeferred
    async def test_a_token_that_does_not_exist_is_denied(self, authenticator, token):
        assert isinstance(await authenticator.answer(WhoIs(token), time.time()), Denied)
        assert isinstance(await authenticator.answer(Check(token), time.time()), Denied)

    @pytest_twisted.ensureDeferred
    async def test_a_good_token_is_confirmed(self, authenticator):
        assert await authenticator.answer(Check("token-of-a-user"), time.time()) == Confirmed()

    @pytest_twisted.ensureDeferred
    async def test_an_unknown_question_is_answered_too(self, authenticator):
        assert isinstance(await authenticator.answer(("ancestry", TENANT), time.time()), Unavailable)

    @pytest_twisted.ensureDeferred
    async def test_once_stopped_it_is_unavailable(self, authenticator):
        await maybeDeferred(authenticator.stopService)
        assert isinstance(await authenticator.answer(WhoIs("token-of-a-user"), time.time()), Unavailable)
        assert isinstance(await authenticator.answer(Check("token-of-a-user"), time.time()), Unavailable)

    @pytest_twisted.ensureDeferred
    async def test_no_token_reaches_the_log_or_an_answer(self, authenticator, logged):
        for token in [*CAST, "nobody-has-this"]:
            for question in (WhoIs(token), Check(token), Describe(token)):
                answer = await authenticator.answer(question, time.time())
                assert "token-" not in repr((question, answer))
        assert not any("token-" in repr(event) or "token-" in eventAsText(event) for event in logged)


class AuthenticatorContract(AuthorityContract):
    """Subclass it as `Test…` in a module with the fixture."""

    def test_it_keeps_its_interface(self, authenticator):
        assert verifyClass(IAuthenticator, type(authenticator))
        assert verifyObject(IAuthenticator, authenticator)

    @pytest_twisted.ensureDeferred
    async def test_a_token_that_may_not_connect_can_be_described(self, authenticator):
        for token in ("token-of-a-user", "token-without-the-acl", "token-with-the-acl-denied"):
            identity = await authenticator.answer(Describe(token), time.time())
            assert (identity.subject, identity.acl) == (ME, CAST[token].acl)
        for token in ("token-that-has-expired", *STRANGE):
            assert isinstance(await authenticator.answer(Describe(token), time.time()), Denied)

    def test_its_settings_are_a_section_with_every_key_explained(self, authenticator):
        assert issubclass(authenticator.settings, Auth)
        assert all(key.metadata["doc"] for key in attrs.fields(authenticator.settings))
