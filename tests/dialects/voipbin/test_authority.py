"""The owners of VoIPBIN's credentials: JWTs, listed keys, and keys looked up over HTTP."""

import json
import time
from base64 import urlsafe_b64encode

import jwt
import pytest
import pytest_twisted
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from zope.interface.verify import verifyObject

from tests.support.certificates import certificate, write_pair
from tests.support.timed_reactor import Timed
from tests.support.voipbin import CUSTOMER, KEY, STRANGER, claims, signed
from tests.support.wazo_auth import WazoAuth as ReactorProxy
from wsevents.api.errors import ConfigurationError
from wsevents.api.identity import Check, Denied, Identity, Unavailable
from wsevents.api.interfaces import IAuthority
from wsevents.config.loader import load
from wsevents.config.plugins import Plugins
from wsevents.dialects.voipbin.authority import VoipbinAuthority
from wsevents.dialects.voipbin.credential import Bearer, KeyHolder
from wsevents.dialects.voipbin.settings import AccessKey, Acl, Lookup, VoipbinSettings

NOW = time.time()
LISTED = {
    "listed": AccessKey(customer_id=CUSTOMER.upper()),
    "narrow": AccessKey(customer_id=CUSTOMER, acl=["events.calls.#"], expires_at="2200-01-01"),
    "ended": AccessKey(customer_id=CUSTOMER, expires_at=NOW - 1),
}


def authority(clock=reactor, **more):
    found = VoipbinAuthority.create(VoipbinSettings(jwt_key=KEY, access_keys=LISTED, **more), clock)
    found.startService()
    return found


def told(question, found=None):
    """Return an answer that comes at once."""
    return (found or authority()).answer(question, NOW).result


def test_it_keeps_its_interfaces():
    assert verifyObject(IAuthority, authority())
    assert verifyObject(IService, authority())


# -- JWTs


def test_a_token_with_the_right_signature_is_believed():
    found = told(Bearer(signed(claims())))
    assert (found.tenant, found.acl) == (CUSTOMER, ("#",))


def part(content):
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


SIGNATURE = signed(claims()).split(".")[2]


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), "another key of another installation"),
        signed(claims(), KEY * 2, "HS512"),
        jwt.encode(claims(), None, "none"),
        f"{part({'alg': 'none'})}.{part(claims())}.",
        f"{part({'alg': 'HS256'})}.{part(claims(0x1))}.{SIGNATURE}",
        f"{part({'alg': 'HS256', 'crit': ['x']})}.{part(claims())}.{SIGNATURE}",
        f"{part({'alg': None})}.{part(claims())}.{SIGNATURE}",
        f"{part([])}.{part(claims())}.{SIGNATURE}",
        "[" * 9000 + "." * 2,
        urlsafe_b64encode(b"[" * 9000).decode() + ".e30.",
        signed(claims(ends=NOW - 1)),
        ".",
        "..",
        "...",
        "a.b.c",
        "é.ü.\ud800",
    ],
    ids=range(16),
)
def test_any_other_token_is_denied(token):
    assert isinstance(told(Bearer(token)), Denied)


@pytest.mark.parametrize("content", [b"[]", b"null", b"\xff", b'{"expire": NaN}', b"[" * 5000])
def test_a_signed_payload_that_is_no_object_is_denied(content):
    token = jwt.PyJWS().encode(content, KEY, "HS256")
    assert isinstance(told(Bearer(token)), Denied)


@given(st.text(), st.text(), st.text())
def test_no_token_is_too_odd(head, content, signature):
    assert isinstance(told(Bearer(f"{head}.{content}.{signature}")), Denied)


def test_a_short_key_works_and_logs_a_warning(log):
    found = VoipbinAuthority.create(VoipbinSettings(jwt_key="short"), reactor)
    found.startService()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed(claims(), "short")
    assert isinstance(told(Bearer(token), found), Identity)
    assert len(log.of("dialects.voipbin.jwt_key is shorter than 32 bytes")) == 1


def test_without_a_key_no_token_is_believed():
    found = VoipbinAuthority.create(VoipbinSettings(), reactor)
    found.startService()
    assert isinstance(told(Bearer(signed(claims())), found), Denied)


# -- listed keys


@pytest.mark.parametrize("ask", [Bearer, KeyHolder])
def test_a_listed_key_is_its_customers(ask):
    found = told(ask("listed"))
    assert (found.tenant, found.acl, found.claims["kind"]) == (CUSTOMER, ("#",), "accesskey")
    assert told(ask("narrow")).acl == ("events.calls.#",)


@pytest.mark.parametrize("text", ["", " ", "unknown", "Listed", "listed ", "ended", "\ud800"])
def test_any_other_key_is_denied(text):
    assert isinstance(told(KeyHolder(text)), Denied)


def test_a_token_is_no_access_key():
    assert isinstance(told(KeyHolder(signed(claims()))), Denied)


def test_what_it_is_not_for_is_not_answered():
    assert isinstance(told(Check("listed")), Unavailable)
    found = authority()
    found.stopService()
    assert isinstance(told(KeyHolder("listed"), found), Unavailable)


def test_it_does_not_change_its_mind():
    found, identity = authority(), told(KeyHolder("listed"))
    assert found.revise(identity) is identity
    assert found.watch(lambda: None) is None


# -- keys that are looked up


@define(eq=False)
class Keys(ReactorProxy):
    """Knows access keys."""

    records: dict = field(factory=dict)

    def _decide(self, recorded):
        if self.status is not None or self.body is not None:
            return self.status or 200, self.body or b""
        assert (recorded.method, recorded.path) == ("POST", "/v1/accesskeys")
        record = self.records.get(json.loads(recorded.body)["accesskey"])
        return (404, b"{}") if record is None else (200, json.dumps(record).encode())


@pytest_twisted.async_yield_fixture
async def keys():
    server = Keys(reactor, records={"found": {"customer_id": STRANGER}, "gone": {"customer_id": "x"}})
    server.start()
    yield server
    await server.stop()


@pytest.fixture
def clock():
    return Timed(reactor)


@pytest_twisted.async_yield_fixture
async def asked(keys, clock):
    """An authority that asks the server."""
    running = []

    def make(url=None, **settings):
        lookup = Lookup(url=url or f"http://127.0.0.1:{keys.port}/v1/accesskeys", **settings)
        running.append(authority(clock, lookup=lookup, acl=Acl(access_key=["events.#"])))
        return running[-1]

    yield make
    for one in running:
        await maybeDeferred(one.stopService)
    assert clock.getDelayedCalls() == []


@pytest_twisted.ensureDeferred
async def test_a_key_is_looked_up_and_travels_in_no_url(keys, asked):
    found = asked()
    for ask in (Bearer, KeyHolder):
        identity = await found.answer(ask("found"), NOW)
        assert (identity.tenant, identity.acl) == (STRANGER, ("events.#",))
    assert json.loads(keys.requests[0].body) == {"accesskey": "found"}
    assert (await found.answer(KeyHolder("listed"), NOW)).tenant == CUSTOMER
    assert len(keys.requests) == 2


@pytest_twisted.ensureDeferred
async def test_over_tls_the_certificate_is_verified(asked, tmp_path):
    pair = certificate("localhost")
    (tmp_path / "ca.pem").write_bytes(pair.public)
    server = Keys(reactor, certificate=pair, records={"found": {"customer_id": STRANGER}})
    server.start()
    url = f"https://localhost:{server.port}/v1/accesskeys"
    trusting = asked(url, verify_certificate=str(tmp_path / "ca.pem"))
    assert isinstance(await trusting.answer(KeyHolder("found"), NOW), Identity)
    assert isinstance(await asked(url, verify_certificate=False).answer(KeyHolder("found"), NOW), Identity)
    assert isinstance(await asked(url).answer(KeyHolder("found"), NOW), Unavailable)
    await server.stop()


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest_twisted.ensureDeferred
async def test_what_the_server_does_not_know_is_denied(keys, asked, status):
    keys.status = status
    assert isinstance(await asked().answer(KeyHolder("x"), NOW), Denied)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"nonsense"), (200, b"[]"), (200, b"{}"), (200, b'{"customer_id": 1}')],
)
@pytest_twisted.ensureDeferred
async def test_an_unusable_response_is_unavailable(keys, asked, log, status, body):
    keys.status, keys.body = status, body
    found = asked()
    assert isinstance(await found.answer(KeyHolder("s3cret"), NOW), Unavailable)
    assert len(log.of("the look-up of access keys at")) == 1
    assert not log.of("s3cret")


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_slow_is_not_waited_for(keys, asked, clock):
    keys.hang = True
    slow = asked(timeout=5).answer(KeyHolder("found"), NOW)
    await keys.requested(1)
    clock.advance(4.9)
    assert not slow.called
    clock.advance(0.1)
    assert isinstance(await slow, Unavailable)


@pytest_twisted.ensureDeferred
async def test_a_question_that_is_withdrawn_or_meets_the_end_is_answered_at_once(keys, asked):
    keys.hang = True
    found = asked(concurrent_lookups=1, waiting_lookups=1)
    first, second, third = [found.answer(KeyHolder(text), NOW) for text in ("a", "b", "c")]
    assert isinstance(await third, Unavailable)
    second.cancel()
    assert isinstance(await second, Unavailable)
    await found.stopService()
    assert isinstance(await first, Unavailable)


@pytest_twisted.ensureDeferred
async def test_a_key_of_no_sensible_size_is_not_looked_up(keys, asked):
    assert isinstance(await asked().answer(KeyHolder("x" * 5000), NOW), Denied)
    assert keys.requests == []


# -- the configuration


def configured(tmp_path, text):
    key, crt = write_pair(tmp_path)
    file = tmp_path / "config.yml"
    file.write_text(
        f"listen: ['ssl:9502:privateKey={key}:certKey={crt}']\n"
        f"bus: {{type: memory}}\ndialects:\n  voipbin: {text}\n"
    )
    return load(file, Plugins(), {"THE_KEY": KEY}).dialects["voipbin"]


def test_the_key_may_stand_in_a_file_or_the_environment(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert configured(tmp_path, f"{{jwt_key_file: {tmp_path / 'key'}}}").jwt_key == KEY
    assert configured(tmp_path, "{jwt_key_env: THE_KEY}").jwt_key == KEY


def test_settings_show_no_secret(tmp_path):
    section = configured(
        tmp_path, f"{{jwt_key: s3cret, access_keys: {{s3cret: {{customer_id: {CUSTOMER}}}}}}}"
    )
    assert "s3cret" not in repr(section)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("{shape: odd}", "shape: must be one of superset, seed, wrapped, bare"),
        ("{paths: []}", "paths: must name at least one path"),
        ("{paths: [ws]}", "paths: has 'ws', which does not begin with a slash"),
        ("{jwt_key: ''}", "jwt_key: must not be empty"),
        ("{access_keys: {s3cret: {customer_id: x}}}", "access_keys[number 1].customer_id: must be a uuid"),
        ("{access_keys: {s3cret: {}}}", "access_keys[number 1].customer_id: is missing"),
        (
            f"{{access_keys: {{s3cret.x: {{customer_id: {CUSTOMER}}}}}}}",
            "access_keys: has an access key with a dot",
        ),
        (
            f"{{access_keys: {{' ': {{customer_id: {CUSTOMER}}}}}}}",
            "access_keys: has an access key that is blank",
        ),
        (
            f"{{access_keys: {{s3cret: {{customer_id: {CUSTOMER}, expires_at: soon}}}}}}",
            "access_keys[number 1].expires_at: must be a time",
        ),
        ("{frozen_accounts: {x: {}}}", "frozen_accounts: must have uuids of customers as its keys"),
        ("{lookup: {url: ftp://x}}", "lookup.url: must be a URL"),
        ("{lookup: {url: 'http://h:port/'}}", "lookup.url: must be a URL"),
        ("{lookup: {url: 'http://u:p@h/'}}", "lookup.url: must be a URL"),
        ("{lookup: {}}", "lookup.url: is missing"),
        ("{generic: {names: {x: y}}}", "generic.names: has the type 'y'"),
        ("{source: {exchange: ''}}", "source.exchange: must not be empty"),
        ("{ping_interval: 0.5}", "ping_interval: must be 0, or from 1 to 86400"),
        ("{shapes: seed}", "shapes: is not a known key; did you mean shape?"),
    ],
)
def test_a_configuration_error_is_one_line_with_file_key_and_remedy(tmp_path, text, at):
    with pytest.raises(ConfigurationError) as found:
        configured(tmp_path, text)
    (line,) = found.value.problems
    assert line.startswith(f"{tmp_path / 'config.yml'}: dialects.voipbin.{at}")
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("lookup", "why"),
    [
        ({"url": "https://h/", "verify_certificate": "/no/such/file"}, "cannot read /no/such/file"),
        ({"url": "http://h..h/"}, "must be a host name"),
    ],
)
def test_a_look_up_that_cannot_be_made_is_said_to_be(lookup, why):
    with pytest.raises(ConfigurationError) as found:
        VoipbinAuthority.create(VoipbinSettings(lookup=Lookup(**lookup)), reactor)
    assert str(found.value).startswith("dialects.voipbin.lookup: ")
    assert why in str(found.value)
