import time

import pytest
import pytest_twisted
import yaml
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import LogLevel, eventAsText, formatEvent

from tests.support.authenticator_contract import (
    CAST,
    MASTER,
    ME,
    TENANT,
    AuthenticatorContract,
    AuthorityContract,
)
from tests.support.certificates import certificate
from tests.support.timed_reactor import Timed
from tests.support.wazo_auth import DEADLINE
from tests.support.wazo_auth import WazoAuth as FakeWazoAuth
from wsevents.api.errors import ConfigurationError
from wsevents.api.identity import Check, Confirmed, Denied, Faulty, Identity, Unavailable, WhoIs
from wsevents.auth.lookup_cache import LookupCache
from wsevents.auth.wazo import REMEDY, WazoAuth, WazoAuthenticator
from wsevents.config.loader import load
from wsevents.config.plugins import Plugins


@pytest_twisted.async_yield_fixture
async def serve():
    """Starts fake wazo-auth servers that know one token, and stops them at the end."""
    servers = []

    def start(**options):
        servers.append(FakeWazoAuth(reactor, **options))
        servers[-1].start()
        servers[-1].issue("good")
        return servers[-1]

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
def stand_in(serve):
    return serve()


@pytest.fixture
def timed():
    return Timed(reactor)


class Started:
    """Starts authenticators for the fake server, and stops them at the end."""

    def __init__(self, server, timed):
        self.server = server
        self.timed = timed
        self.running = []

    def __call__(self, *, server=None, reactor=None, **settings):
        settings.setdefault("host", "127.0.0.1")
        settings = WazoAuth(port=(server or self.server).port, **settings)
        authenticator = WazoAuthenticator.create(settings, reactor or self.timed)
        authenticator.startService()
        self.running.append(authenticator)
        return authenticator

    async def stop(self):
        for authenticator in self.running:
            if authenticator.running:
                await authenticator.stopService()
        assert self.timed.getDelayedCalls() == []


@pytest_twisted.async_yield_fixture
async def started(stand_in, timed):
    started = Started(stand_in, timed)
    yield started
    await started.stop()


def ask(authenticator, question):
    return authenticator.answer(question, time.time()).addTimeout(DEADLINE, reactor)


def known(authenticator):
    """Fires when the master tenant changes."""
    change: Deferred[None] = Deferred()
    authenticator.watch(lambda: change.called or change.callback(None))
    return change.addTimeout(DEADLINE, reactor)


# -- the contract


@pytest_twisted.async_yield_fixture
async def with_cast(stand_in):
    for token, member in CAST.items():
        stand_in.issue(
            token,
            uuid=ME,
            tenant=member.tenant,
            acl=list(member.acl),
            admin=member.admin,
            session=member.session,
            expires=member.expires,
        )
    settings = WazoAuth(host="127.0.0.1", port=stand_in.port, service_id="gateway", service_key="opensesame")
    authenticator = WazoAuthenticator.create(settings, reactor)
    yield authenticator
    if authenticator.running:
        await authenticator.stopService()


class TestWazoAuthenticator(AuthenticatorContract):
    @pytest_twisted.async_fixture
    async def authenticator(self, with_cast):
        change = known(with_cast)
        with_cast.startService()
        await change
        return with_cast


class TestWazoAuthenticatorBehindLookups(AuthorityContract):
    @pytest_twisted.async_yield_fixture
    async def authenticator(self, with_cast):
        lookups = LookupCache(with_cast)
        change = known(lookups)
        lookups.startService()
        await change
        yield lookups
        if lookups.running:
            await lookups.stopService()


# -- requests


@pytest_twisted.ensureDeferred
async def test_a_lookup_is_a_get_of_the_token_with_the_scope(stand_in, started):
    assert isinstance(await ask(started(), WhoIs("good")), Identity)
    request = stand_in.requests[0]
    assert (request.method, request.path) == ("GET", "/api/auth/0.1/token/good")
    assert (request.scope, request.account) == ("websocketd", None)
    assert request.headers["accept"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{stand_in.port}"


@pytest_twisted.ensureDeferred
async def test_a_check_is_a_head_of_the_same_url(stand_in, started):
    assert await ask(started(), Check("good")) == Confirmed()
    request = stand_in.requests[0]
    assert (request.method, request.path) == ("HEAD", "/api/auth/0.1/token/good")
    assert request.scope == "websocketd"


@pytest.mark.parametrize(
    "prefix", ["", "/", "/auth", "auth", "/some/where/"], ids=["none", "slash", "short", "bare", "long"]
)
@pytest_twisted.ensureDeferred
async def test_the_prefix_may_have_any_slashes(stand_in, started, prefix):
    bare = prefix.strip("/")
    stand_in.prefix = f"/{bare}" if bare else ""
    assert isinstance(await ask(started(prefix=prefix), WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_a_host_may_be_a_name(stand_in, started):
    assert isinstance(await ask(started(host="localhost"), WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_a_host_may_be_an_ipv6_address(serve, started):
    server = serve(interface="::1")
    assert isinstance(await ask(started(server=server, host="::1"), WhoIs("good")), Identity)
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize(
    "token", ["a b", "a?b=c#d", "100%", "%2e%2e", "%2F", "é☃", "a+b&c;d", "~'\"<>[]{}|^`"]
)
@pytest_twisted.ensureDeferred
async def test_a_token_is_sent_unchanged(stand_in, started, token):
    stand_in.issue(token)
    assert isinstance(await ask(started(), WhoIs(token)), Identity)
    assert stand_in.requests[0].token == token


@pytest.mark.parametrize("token", ["", "  ", "..", "a/b", "x" * 4097])
@pytest_twisted.ensureDeferred
async def test_a_malformed_token_causes_no_request(stand_in, started, token):
    authenticator = started()
    assert isinstance(await ask(authenticator, WhoIs(token)), Denied)
    assert isinstance(await ask(authenticator, Check(token)), Denied)
    assert stand_in.requests == []


@pytest_twisted.ensureDeferred
async def test_requests_share_a_connection(stand_in, started):
    authenticator = started()
    for _ in range(5):
        await ask(authenticator, WhoIs("good"))
        await ask(authenticator, Check("good"))
        await ask(authenticator, WhoIs("bad"))
    assert stand_in.site.accepted == 1


@pytest_twisted.ensureDeferred
async def test_a_request_succeeds_after_the_server_closed_idle_connections(stand_in, started):
    authenticator = started()
    await gatherResults([ask(authenticator, WhoIs("good")) for _ in range(5)])
    await stand_in.drop()
    answers = await gatherResults([ask(authenticator, WhoIs("good")) for _ in range(5)])
    assert all(isinstance(answer, Identity) for answer in answers)


@pytest_twisted.ensureDeferred
async def test_equal_concurrent_questions_cause_one_request(stand_in, started):
    stand_in.hang = True
    lookups = LookupCache(started())
    lookups.startService()
    asked = gatherResults([ask(lookups, WhoIs("good")) for _ in range(500)])
    await stand_in.requested(1)
    stand_in.release()
    assert len(set(await asked)) == 1
    assert len(stand_in.requests) == 1
    await lookups.stopService()


# -- answers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Denied),
        (403, Denied),
        (404, Denied),
        (204, Unavailable),
        (302, Unavailable),
        (400, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_answer_of_a_lookup_for_each_status(stand_in, started, status, kind):
    stand_in.status = status
    assert isinstance(await ask(started(), WhoIs("good")), kind)
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Confirmed),
        (204, Confirmed),
        (401, Denied),
        (403, Denied),
        (404, Denied),
        (302, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_answer_of_a_check_for_each_status(stand_in, started, status, answer):
    stand_in.status = status
    assert isinstance(await ask(started(), Check("good")), answer)


@pytest_twisted.ensureDeferred
async def test_a_revoked_token_is_denied(stand_in, started):
    authenticator = started()
    assert await ask(authenticator, Check("good")) == Confirmed()
    stand_in.revoke("good")
    assert isinstance(await ask(authenticator, Check("good")), Denied)
    assert isinstance(await ask(authenticator, WhoIs("good")), Denied)


@pytest.mark.parametrize("missing", ["uuid", "tenant_uuid"])
@pytest_twisted.ensureDeferred
async def test_a_token_without_a_user_is_faulty(stand_in, started, missing):
    del stand_in.tokens["good"]["metadata"][missing]
    answer = await ask(started(), WhoIs("good"))
    assert isinstance(answer, Faulty)
    assert missing in answer.why


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"x" * 3000000])
@pytest_twisted.ensureDeferred
async def test_an_invalid_body_is_unavailable(stand_in, started, body):
    stand_in.body = body
    authenticator = started()
    assert isinstance(await ask(authenticator, WhoIs("good")), Unavailable)
    stand_in.body = None
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_a_server_that_refused_connections_is_used_again_later(stand_in, started):
    authenticator = started(reactor=reactor)  # which takes a moment to find that nothing else is left to try
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)
    await stand_in.stop()
    for question in (WhoIs("good"), Check("good"), WhoIs("bad")):
        answer = await ask(authenticator, question)
        assert isinstance(answer, Unavailable)
        assert "refused" in answer.why
    stand_in.start()
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_a_connection_lost_during_the_response_is_unavailable(stand_in, started):
    stand_in.stall = True
    asked = ask(started(), WhoIs("good"))
    await stand_in.requested(1)
    await stand_in.drop()
    assert isinstance(await asked, Unavailable)


@pytest.mark.parametrize(
    ("way", "question"), [("hang", WhoIs("good")), ("hang", Check("good")), ("stall", WhoIs("good"))]
)
@pytest_twisted.ensureDeferred
async def test_a_server_that_does_not_answer_causes_a_timeout(stand_in, started, timed, way, question):
    setattr(stand_in, way, True)
    asked = ask(started(timeout=10.0), question)
    await stand_in.requested(1)
    timed.advance(9.9)
    assert not asked.called
    timed.advance(0.1)
    assert await asked == Unavailable("no answer within 10 seconds")
    await stand_in.site.deserted()


# -- limits


@pytest_twisted.ensureDeferred
async def test_concurrent_and_queued_lookups_are_limited(stand_in, started):
    stand_in.hang = True
    authenticator = started(concurrent_lookups=2, waiting_lookups=3)
    for number in range(6):
        stand_in.issue(f"good-{number}")
    asked = [ask(authenticator, WhoIs(f"good-{number}")) for number in range(6)]
    assert [answer.called for answer in asked] == [False] * 5 + [True]
    assert isinstance(await asked.pop(), Unavailable)
    await stand_in.requested(2)
    assert len(stand_in.requests) == 2
    stand_in.release()
    assert all(isinstance(answer, Identity) for answer in await gatherResults(asked))
    assert len(stand_in.requests) == 5
    assert stand_in.site.accepted == 2


@pytest_twisted.ensureDeferred
async def test_the_timeout_includes_the_time_in_the_queue(stand_in, started, timed):
    stand_in.hang = True
    authenticator = started(concurrent_lookups=1, timeout=10.0)
    first = ask(authenticator, WhoIs("good"))
    timed.advance(6.0)
    second = ask(authenticator, WhoIs("bad"))
    await stand_in.requested(1)
    timed.advance(4.0)
    assert isinstance(await first, Unavailable)
    await stand_in.requested(2)
    timed.advance(6.0)
    assert isinstance(await second, Unavailable)
    stand_in.hang = False
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_cancelled_lookups_free_the_queue(stand_in, started, logged):
    stand_in.hang = True
    lookups = LookupCache(started(concurrent_lookups=1, waiting_lookups=2))
    lookups.startService()
    abandoned = [lookups.answer(WhoIs(f"nobody-{number}"), time.time()) for number in range(3)]
    assert isinstance(await ask(lookups, WhoIs("good")), Unavailable)  # the queue is full
    await stand_in.requested(1)
    del logged[:]
    for answer in reversed(abandoned):
        answer.cancel()
    asked = ask(lookups, WhoIs("good"))
    assert not asked.called
    await stand_in.requested(2)
    stand_in.release()
    assert isinstance(await asked, Identity)
    assert [request.token for request in stand_in.requests] == ["nobody-0", "good"]
    assert not [event for event in logged if "is unavailable" in eventAsText(event)]
    await lookups.stopService()


@pytest_twisted.ensureDeferred
async def test_a_cancelled_lookup_is_not_an_outage(stand_in, started, logged):
    stand_in.hang = True
    authenticator = started()
    answer = authenticator.answer(WhoIs("good"), time.time())
    await stand_in.requested(1)
    answer.cancel()
    assert await answer == Unavailable("the lookup was cancelled")
    assert not [event for event in logged if "is unavailable" in eventAsText(event)]
    await stand_in.site.deserted()


# -- stop


@pytest_twisted.ensureDeferred
async def test_stop_answers_every_lookup_and_closes_every_connection(stand_in, started, timed):
    idle = started()
    await gatherResults([ask(idle, WhoIs("good")) for _ in range(3)])
    stand_in.hang = True
    authenticator = started(concurrent_lookups=2, service_id="gateway", service_key="opensesame")
    asked = [ask(authenticator, WhoIs(f"good-{number}")) for number in range(5)]
    await stand_in.requested(6)
    stand_in.stall, stand_in.hang = True, False
    stalled = ask(idle, WhoIs("good"))
    await stand_in.requested(7)
    await gatherResults([authenticator.stopService(), idle.stopService()])
    assert all(answer.called for answer in [*asked, stalled])
    assert all(isinstance(answer, Unavailable) for answer in await gatherResults([*asked, stalled]))
    assert timed.getDelayedCalls() == []
    await stand_in.site.deserted()


@pytest_twisted.ensureDeferred
async def test_it_stops_while_connecting(started):
    authenticator = started(host="localhost")
    asked = ask(authenticator, WhoIs("good"))
    await authenticator.stopService()
    assert isinstance(await asked, Unavailable)


@pytest_twisted.ensureDeferred
async def test_it_can_be_started_again(started):
    authenticator = started()
    await ask(authenticator, WhoIs("good"))
    await authenticator.stopService()
    authenticator.startService()
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)


# -- the master tenant


@pytest_twisted.ensureDeferred
async def test_the_service_token_is_requested_with_the_account(stand_in, started):
    authenticator = started(service_id="gateway", service_key="opensesame")
    await known(authenticator)
    request = stand_in.requests[0]
    assert (request.method, request.path) == ("POST", "/api/auth/0.1/token")
    assert request.account == ("gateway", "opensesame")
    assert request.body == b'{"expiration":21600}'
    assert request.headers["content-type"].startswith("application/json")


@pytest_twisted.ensureDeferred
async def test_without_an_account_there_is_no_master_tenant(stand_in, started):
    stand_in.issue("master", tenant=MASTER)
    identity = await ask(started(), WhoIs("master"))
    assert identity.reach == "user"
    assert [request.method for request in stand_in.requests] == ["GET"]


@pytest_twisted.ensureDeferred
async def test_a_late_master_tenant_changes_the_reach_of_known_identities(stand_in, started, timed, expected):
    stand_in.accounts.clear()
    stand_in.issue("master", tenant=MASTER, admin=True)
    stand_in.issue("other", tenant=TENANT, admin=True)
    authenticator = started(service_id="gateway", service_key="opensesame")
    change = known(authenticator)
    early = [await ask(authenticator, WhoIs(token)) for token in ("master", "other")]
    assert [identity.reach for identity in early] == ["tenant", "tenant"]
    stand_in.accounts["gateway"] = "opensesame"
    await waiting_for_time(timed, 1)
    timed.advance(1)
    await change
    assert [authenticator.revise(identity).reach for identity in early] == ["all", "tenant"]
    assert (await ask(authenticator, WhoIs("master"))).reach == "all"
    expected("no service token")


async def waiting_for_time(timed, seconds):
    """Return when something waits for the clock to be advanced by so much."""
    deadline = reactor.seconds() + DEADLINE
    while not any(call.getTime() - timed.seconds() == seconds for call in timed.getDelayedCalls()):
        assert reactor.seconds() < deadline
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn


@pytest_twisted.ensureDeferred
async def test_a_renewal_updates_the_master_tenant(stand_in, started, timed):
    authenticator = started(service_id="gateway", service_key="opensesame")
    await known(authenticator)
    stand_in.master = TENANT
    await waiting_for_time(timed, 0.85 * 21600)
    change = known(authenticator)
    timed.advance(0.85 * 21600)
    await change
    assert (await ask(authenticator, WhoIs("good"))).reach == "all"


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "check auth.service_id and auth.service_key"), (500, "HTTP status 500")]
)
@pytest_twisted.ensureDeferred
async def test_a_rejected_service_account_is_logged_once_with_the_remedy(
    stand_in, started, timed, logged, expected, status, remedy
):
    stand_in.status = status
    started(service_id="gateway", service_key="opensesame")
    for delay in (1, 2, 4):
        await waiting_for_time(timed, delay)
        timed.advance(delay)
    errors = [formatEvent(event) for event in logged if event["log_level"] is LogLevel.error]
    assert len(errors) == 1
    assert remedy in errors[0]
    expected("no service token")
    assert not any("opensesame" in repr(event) or "opensesame" in eventAsText(event) for event in logged)


@pytest_twisted.ensureDeferred
async def test_an_unreachable_wazo_auth_is_logged_with_its_url_and_the_remedy(
    stand_in, started, logged, expected
):
    await stand_in.stop()
    authenticator = started(reactor=reactor, service_id="gateway", service_key="opensesame")
    errors = []
    while not errors:
        await ask(authenticator, WhoIs("good"))  # which takes as long, and begins later
        errors = [formatEvent(event) for event in logged if event["log_level"] is LogLevel.error]
    (error,) = errors
    assert f"wazo-auth at http://127.0.0.1:{stand_in.port}/api/auth: Connection was refused" in error
    assert f"; {REMEDY};" in error
    expected("no service token")


@pytest_twisted.ensureDeferred
async def test_a_failing_watcher_does_not_affect_the_others(started, errors):
    authenticator = started(service_id="gateway", service_key="opensesame")
    authenticator.watch(lambda: 1 / 0)
    await known(authenticator)
    assert len(errors.flush(ZeroDivisionError)) == 1


@pytest_twisted.ensureDeferred
async def test_the_account_can_come_from_a_key_file(stand_in, started, tmp_path):
    file = tmp_path / "key.yml"
    file.write_text("service_id: gateway\nservice_key: opensesame\n")
    await known(started(key_file=str(file)))
    assert stand_in.requests[0].account == ("gateway", "opensesame")


# -- TLS


@pytest.fixture
def secure(serve):
    return serve(certificate=certificate("127.0.0.1", "localhost"))


@pytest.fixture
def trusted(secure, tmp_path):
    """A file of CA certificates, the stand-in's among them."""
    file = tmp_path / "ca.crt"
    file.write_bytes(certificate("elsewhere").public + secure.certificate.public)
    return str(file)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest_twisted.ensureDeferred
async def test_a_server_with_a_certificate_of_the_ca_file_is_trusted(secure, started, trusted, host):
    authenticator = started(server=secure, host=host, https=True, verify_certificate=trusted)
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)
    assert await ask(authenticator, Check("good")) == Confirmed()
    assert secure.site.accepted == 1


@pytest_twisted.ensureDeferred
async def test_a_server_with_an_untrusted_certificate_gets_no_token(secure, started, tmp_path):
    file = tmp_path / "ca.crt"
    file.write_bytes(certificate("127.0.0.1").public)
    for verify in (True, str(file)):
        authenticator = started(server=secure, https=True, verify_certificate=verify)
        answer = await ask(authenticator, WhoIs("good"))
        assert isinstance(answer, Unavailable)
        assert "is not accepted: it is self-signed and not trusted" in answer.why
        assert "verify_certificate" in answer.why
    assert secure.requests == []


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_another_host_is_not_trusted(serve, started, tmp_path):
    file = tmp_path / "ca.crt"
    impostor = serve(certificate=certificate("elsewhere.example"))
    file.write_bytes(impostor.certificate.public)
    authenticator = started(server=impostor, https=True, verify_certificate=str(file))
    assert isinstance(await ask(authenticator, WhoIs("good")), Unavailable)
    assert impostor.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest_twisted.ensureDeferred
async def test_verification_can_be_disabled(secure, started, host):
    authenticator = started(server=secure, host=host, https=True, verify_certificate=False)
    assert isinstance(await ask(authenticator, WhoIs("good")), Identity)


@pytest_twisted.ensureDeferred
async def test_a_stalled_tls_server_causes_a_timeout_and_a_closed_connection(secure, started, timed, trusted):
    secure.stall = True
    authenticator = started(server=secure, https=True, verify_certificate=trusted, timeout=10.0)
    asked = ask(authenticator, WhoIs("good"))
    await secure.requested(1)
    timed.advance(10)
    assert isinstance(await asked, Unavailable)
    await secure.site.deserted()


# -- settings


def test_settings_do_not_show_the_key():
    assert "opensesame" not in repr(WazoAuth(service_id="gateway", service_key="opensesame"))


@pytest.mark.parametrize(
    "settings",
    [
        {"port": 0},
        {"port": 65536},
        {"host": ""},
        {"host": " "},
        {"host": "a..b"},
        {"host": "x" * 64},
        {"host": "\udcff"},
        {"host": "localhost:80"},
        {"host": "http://localhost"},
        {"prefix": "/api/auth?x"},
        {"prefix": "http://localhost/api"},
        {"prefix": "/api auth"},
        {"verify_certificate": ""},
        {"timeout": 0},
        {"timeout": 0.01},
        {"timeout": 1e9},
        {"concurrent_lookups": 0},
        {"waiting_lookups": 0},
        {"service_id": "gateway"},
        {"service_key": "opensesame"},
        {"service_id": "", "service_key": "opensesame"},
        {"service_id": "gateway", "service_key": ""},
        {"key_file": ""},
        {"check_static_interval": 0.5},
        {"check_static_interval": 86401},
    ],
    ids=str,
)
def test_an_invalid_setting_is_rejected(settings):
    with pytest.raises(ValueError, match="must"):
        WazoAuth(**settings)


BAD_KEY_FILES = [
    (None, "cannot read {}: No such file"),
    ("", "{} must be YAML"),
    ("- a", "{}: must hold keys and values (`key: value`); it must be YAML"),
    ("service_id: gateway", "{} must be YAML"),
    ("service_id: gateway\nservice_key: [opensesame]", "{} must be YAML"),
    ("service_id: gateway\nservice_key: ''", "{} must be YAML"),
    ("service_id: 'opensesame", "{}: line 1: is not YAML: found unexpected end of stream"),
    ("service_key: !opensesame x", "{}: line 1: is not YAML: could not determine a constructor for the tag"),
    (b"\xff\xfe", "cannot read {} as UTF-8 text"),
]
BAD_CA_FILES = [
    (None, "cannot read {}: No such file"),
    ("", "{} must hold CA certificates in PEM format"),
    ("rubbish", "{} must hold CA certificates in PEM format"),
]


def written(folder, content):
    """Return the path of a file with this content; None: there is no such file."""
    file = folder / "a.file"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def mistakes(folder, settings):
    """Return what is said of `auth:` settings that stand in a file of conf.d."""
    (folder / "conf.d").mkdir()
    (folder / "config.yml").write_text('listen: ["tcp:9502"]\nauth: {https: true, port: 9497}\n')
    (folder / "conf.d" / "10-auth.yml").write_text(yaml.safe_dump({"auth": settings}))
    with pytest.raises(ConfigurationError) as raised:
        load(folder / "config.yml", Plugins(), {})
    return [line.removeprefix(f"{folder}/") for line in raised.value.problems]


@pytest.mark.parametrize(("content", "complaint"), BAD_KEY_FILES)
def test_the_error_of_an_unusable_key_file_names_the_key_and_the_configuration_file(
    tmp_path, content, complaint
):
    file = written(tmp_path, content)
    (line,) = mistakes(tmp_path, {"key_file": str(file)})
    assert line.startswith(f"conf.d/10-auth.yml: auth.key_file: {complaint.format(file)}")
    assert "opensesame" not in line


@pytest.mark.parametrize(("content", "complaint"), BAD_CA_FILES)
def test_the_error_of_an_unusable_ca_file_names_the_key_and_the_configuration_file(
    tmp_path, content, complaint
):
    file = written(tmp_path, content)
    (line,) = mistakes(tmp_path, {"verify_certificate": str(file)})
    assert line.startswith(f"conf.d/10-auth.yml: auth.verify_certificate: {complaint.format(file)}")


def test_the_error_of_an_invalid_host_names_the_key_and_the_configuration_file(tmp_path):
    assert mistakes(tmp_path, {"host": "auth.example:443"}) == [
        "conf.d/10-auth.yml: auth.host: must be a host name or an IP address, without a port"
    ]


def test_unused_files_are_not_read():
    WazoAuth(service_id="gateway", service_key="opensesame", key_file="/nowhere")
    WazoAuth(https=False, verify_certificate="/nowhere")


@pytest.mark.parametrize("name", ["key_file", "verify_certificate"])
def test_a_file_deleted_after_the_check_is_a_configuration_error(tmp_path, name):
    file = tmp_path / "a.file"
    file.write_bytes(certificate("localhost").public)
    if name == "key_file":
        file.write_text("service_id: gateway\nservice_key: opensesame\n")
    settings = WazoAuth(https=True, **{name: str(file)})
    file.unlink()
    with pytest.raises(ConfigurationError, match=f"^auth: cannot read {file}: No such file"):
        WazoAuthenticator.create(settings, reactor)


# -- the log


@pytest_twisted.ensureDeferred
async def test_an_outage_is_two_log_lines(stand_in, started, logged):
    authenticator = started(reactor=reactor)
    await ask(authenticator, WhoIs("good"))
    await stand_in.stop()
    await gatherResults([ask(authenticator, WhoIs(f"sesame-{number}")) for number in range(20)])
    stand_in.start()
    for _ in range(5):
        await ask(authenticator, WhoIs("good"))
    name = f"wazo-auth at http://127.0.0.1:{stand_in.port}/api/auth"
    refused = "Connection was refused by other side: 111: Connection refused"
    own = [event for event in logged if event["log_namespace"].startswith("wsevents")]
    assert [formatEvent(event) for event in own] == [
        f"{name} is unavailable: {refused}; {REMEDY}",
        f"{name} is available again",
    ]


@pytest_twisted.ensureDeferred
async def test_no_log_line_contains_a_token_or_a_key(stand_in, started, timed, logged, secure):
    authenticator = started(service_id="gateway", service_key="opensesame")
    untrusting = started(server=secure, https=True)
    await known(authenticator)
    for status in (None, 200, 204, 302, 401, 403, 404, 500):
        stand_in.status = status
        for question in (WhoIs("sesame"), Check("sesame")):
            await ask(authenticator, question)
            await ask(untrusting, question)
    stand_in.status, stand_in.hang = None, True
    seen = len(stand_in.requests)
    asked = [ask(authenticator, WhoIs("sesame")), ask(authenticator, Check("sesame"))]
    await stand_in.requested(seen + 2)
    timed.advance(10)
    answers = await gatherResults(asked)
    await authenticator.stopService()
    assert not any("sesame" in repr(event) or "sesame" in eventAsText(event) for event in logged)
    assert "sesame" not in repr(answers)
