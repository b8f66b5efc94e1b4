from datetime import UTC, date, datetime, timedelta, timezone
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.support.authenticator_contract import (
    CAST,
    LATER,
    ME,
    STRANGE,
    TENANT,
    AuthenticatorContract,
    AuthorityContract,
)
from wsevents.api.identity import Check, Confirmed, Denied, Identity, WhoIs
from wsevents.auth.lookup_cache import LookupCache
from wsevents.auth.static import StaticAuth, StaticAuthenticator, StaticToken

MASTER_TOKEN = "token-of-the-master-tenant"


def entry(token, member):
    return StaticToken(
        uuid=ME,
        tenant_uuid=member.tenant,
        acl=list(member.acl),
        admin=member.admin,
        master=token == MASTER_TOKEN,
        session_uuid=member.session,
        expires_at=member.expires,
    )


def running(tokens):
    authenticator = StaticAuthenticator.create(StaticAuth(type="static", tokens=tokens), Clock())
    authenticator.startService()
    return authenticator


def answer(authenticator, question, now):
    answers = []
    authenticator.answer(question, now).addCallback(answers.append)
    return answers[0]


class TestStaticAuthenticator(AuthenticatorContract):
    @pytest.fixture
    def authenticator(self):
        authenticator = running({token: entry(token, member) for token, member in CAST.items()})
        yield authenticator
        if authenticator.running:
            authenticator.stopService()


class TestStaticAuthenticatorBehindLookups(AuthorityContract):
    @pytest.fixture
    def authenticator(self):
        settings = StaticAuth(tokens={token: entry(token, member) for token, member in CAST.items()})
        authenticator = LookupCache(StaticAuthenticator.create(settings, Clock()))
        authenticator.startService()
        authenticator.bus_lost()
        yield authenticator
        if authenticator.running:
            authenticator.stopService()


@pytest.mark.parametrize(
    "expires_at",
    [
        LATER,
        int(LATER),
        "2100-01-01T00:00:00",
        "2100-01-01 00:00:00",
        "2100-01-01 00:00:00.000000",
        "2100-01-01T00:00:00Z",
        "2100-01-01T02:00:00+02:00",
        "2100-01-01",
        datetime(2100, 1, 1),  # noqa: DTZ001 as YAML gives it
        datetime(2100, 1, 1, tzinfo=UTC),
        datetime(2099, 12, 31, 20, tzinfo=timezone(timedelta(hours=-4))),
        date(2100, 1, 1),
    ],
)
def test_the_forms_of_an_expiry(expires_at):
    token = StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"], expires_at=expires_at)
    authenticator = running({"t": token})
    assert answer(authenticator, WhoIs("t"), LATER - 1).expires == LATER
    assert isinstance(answer(authenticator, WhoIs("t"), LATER), Denied)


@pytest.mark.parametrize("expires_at", ["tomorrow", "", True, [], float("nan"), float("inf"), "2100-13-01"])
def test_an_invalid_expiry_is_a_configuration_error(expires_at):
    with pytest.raises(ValueError, match="must be a time in ISO 8601 or in seconds since the epoch"):
        StaticToken(uuid=ME, tenant_uuid=TENANT, expires_at=expires_at)


def test_expires_at_and_expires_in_exclude_each_other():
    with pytest.raises(ValueError, match="cannot be given together with expires_at"):
        StaticToken(uuid=ME, tenant_uuid=TENANT, expires_at=LATER, expires_in=60)


def test_a_token_without_an_expiry_does_not_expire():
    authenticator = running({"t": StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"])})
    assert answer(authenticator, WhoIs("t"), 1e12).expires is None


def test_expires_in_starts_at_the_first_use_and_again_after_a_pause():
    token = StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"], expires_in=60)
    authenticator = running({"t": token})
    assert answer(authenticator, WhoIs("t"), 1000.0).expires == 1060.0
    assert answer(authenticator, WhoIs("t"), 1059.0).expires == 1060.0
    assert answer(authenticator, Check("t"), 1059.0) == Confirmed()
    for question in (WhoIs("t"), Check("t")):
        assert isinstance(answer(authenticator, question, 1060.0), Denied)
        assert isinstance(answer(authenticator, question, 1064.0), Denied)
    assert answer(authenticator, WhoIs("t"), 1065.0).expires == 1125.0


def test_settings_do_not_show_their_tokens():
    settings = StaticAuth(tokens={"sesame": StaticToken(uuid=ME, tenant_uuid=TENANT)})
    authenticator = StaticAuthenticator.create(settings, Clock())
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(vars(authenticator))


def test_the_loader_can_resolve_the_types_of_the_settings():
    assert get_type_hints(StaticAuth)["tokens"] == dict[str, StaticToken]
    assert get_type_hints(StaticToken)["session_uuid"] == str | None


@given(st.text())
def test_only_configured_texts_are_tokens(text):
    authenticator = running({"sesame": StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"])})
    assert isinstance(answer(authenticator, WhoIs(text), 0.0), Identity if text == "sesame" else Denied)


@given(st.text() | st.sampled_from(STRANGE), st.floats(allow_nan=False))
def test_every_configured_text_is_a_token_unless_it_is_blank(text, now):
    tokens = {text: StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"])}
    if text.strip():
        assert isinstance(answer(running(tokens), WhoIs(text), now), Identity)
    else:
        with pytest.raises(ValueError, match="has a blank token"):
            StaticAuth(tokens=tokens)


def test_a_section_without_tokens_is_rejected():
    with pytest.raises(ValueError, match="must have at least one token"):
        StaticAuth(tokens={})
    with pytest.raises(TypeError):
        StaticAuth()


@pytest.mark.parametrize(
    "fields",
    [
        {"uuid": ""},
        {"tenant_uuid": " "},
        {"session_uuid": ""},
        {"expires_in": 0},
        {"expires_in": -1},
    ],
    ids=str,
)
def test_an_invalid_setting_is_rejected(fields):
    with pytest.raises(ValueError, match="must"):
        StaticToken(**{"uuid": ME, "tenant_uuid": TENANT, **fields})


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists))
def test_every_expiry_is_accepted_or_raises_a_value_error(value):
    try:
        token = StaticToken(uuid=ME, tenant_uuid=TENANT, acl=["websocketd"], expires_at=value)
    except ValueError:
        return
    authenticator = running({"t": token})
    assert isinstance(answer(authenticator, WhoIs("t"), 0.0), Identity | Denied)


# -- a reload -------------------------------------------------------------------------------------

TABLE = {
    "stays": StaticToken(uuid="u1", tenant_uuid="t1", acl=["websocketd", "events.#"]),
    "goes": StaticToken(uuid="u2", tenant_uuid="t1", acl=["websocketd"]),
    "changes": StaticToken(uuid="u3", tenant_uuid="t1", acl=["websocketd"]),
    "may not come any more": StaticToken(uuid="u4", tenant_uuid="t1", acl=["websocketd"]),
    "ends": StaticToken(uuid="u5", tenant_uuid="t1", acl=["websocketd"], expires_in=60.0),
}


@pytest.fixture
def reloaded():
    """Return the identities before a reload, by token; the authenticator; and a list of its notifications."""
    authenticator, calls = running(TABLE), []
    authenticator.watch(lambda: calls.append(None))
    before = {token: answer(authenticator, WhoIs(token), 100.0) for token in TABLE}
    table = {token: TABLE[token] for token in ("stays", "ends")}
    table["changes"] = StaticToken(uuid="u3", tenant_uuid="t1", acl=["websocketd", "events.e"], admin=True)
    table["may not come any more"] = StaticToken(uuid="u4", tenant_uuid="t1", acl=["events.e"])
    table["comes"] = StaticToken(uuid="u6", tenant_uuid="t1", acl=["websocketd"])
    authenticator.reconfigure(StaticAuth(type="static", tokens=table))
    yield before, authenticator, calls
    authenticator.stopService()


def test_a_reload_notifies_the_watchers(reloaded):
    assert len(reloaded[2]) == 1


@pytest.mark.parametrize("token", ["stays", "ends"])
def test_an_unchanged_token_keeps_its_identity(reloaded, token):
    before, authenticator, _ = reloaded
    assert authenticator.revise(before[token]) == before[token]


def test_a_removed_or_restricted_token_is_denied(reloaded):
    before, authenticator, _ = reloaded
    for token in ("goes", "may not come any more"):
        assert isinstance(authenticator.revise(before[token]), Denied)
        assert isinstance(answer(authenticator, Check(token), 101.0), Denied)


def test_a_changed_token_gives_a_changed_identity(reloaded):
    before, authenticator, _ = reloaded
    now = authenticator.revise(before["changes"])
    assert (now.acl, now.reach) == (("websocketd", "events.e"), "tenant")
    assert now == answer(authenticator, WhoIs("changes"), 101.0)


def test_a_new_token_is_accepted(reloaded):
    assert answer(reloaded[1], WhoIs("comes"), 101.0).subject == "u6"


def test_an_identity_of_another_authenticator_is_unchanged(reloaded):
    stranger = Identity("u9", "t9", ())
    assert reloaded[1].revise(stranger) is stranger


def test_an_identity_does_not_contain_the_token():
    authenticator = running({"s3cret": StaticToken(uuid="u", tenant_uuid="t", acl=["websocketd"])})
    identity = answer(authenticator, WhoIs("s3cret"), 1.0)
    assert "s3cret" not in f"{identity!r} {identity.claims}"
    authenticator.stopService()
