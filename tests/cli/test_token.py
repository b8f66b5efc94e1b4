"""`wsevents token` asks a fake wazo-auth over real HTTP, or the configuration."""

import time

import pytest
from pytest_twisted import async_yield_fixture, ensureDeferred

from tests.support.shell import meanwhile, wsevents
from tests.support.wazo_auth import MASTER, WazoAuth

ME = "11111111-1111-4111-8111-111111111111"
TENANT = "22222222-2222-4222-8222-222222222222"
CONFIG = """
listen: ["tcp:0"]
bus: {{type: memory}}
auth: {{host: 127.0.0.1, port: {port}, timeout: 20, {more}}}
"""
STATIC = """
listen: ["tcp:0"]
bus: {type: memory}
auth:
  type: static
  tokens:
    s3cret-user: {uuid: u1, tenant_uuid: t1, acl: [websocketd, "events.#", "!events.calls.#"]}
    s3cret-none: {uuid: u1, tenant_uuid: t1, acl: ["confd.#"], admin: true}
    s3cret-ended: {uuid: u1, tenant_uuid: t1, acl: [websocketd], expires_at: 1000}
"""


@async_yield_fixture
async def wazo_auth():
    from twisted.internet import reactor

    server = WazoAuth(reactor)
    server.start()
    yield server
    await server.stop()


@pytest.fixture
def config(tmp_path, wazo_auth):
    return write(tmp_path, wazo_auth)


def write(folder, wazo_auth, more="service_id: null"):
    file = folder / "config.yml"
    file.write_text(CONFIG.format(port=wazo_auth.port, more=more))
    return "--config", file


@pytest.fixture
def static(tmp_path):
    file = tmp_path / "config.yml"
    file.write_text(STATIC)
    return "--config", file


@ensureDeferred
async def test_it_shows_the_answer_of_wazo_auth(wazo_auth, config):
    acl = ["websocketd", "confd.#", "events.me.#", "!events.calls.#", "#.read"]
    wazo_auth.issue("s3cret", acl=acl, expires=time.time() + 7230)
    done = await meanwhile("token", "s3cret", *config)
    assert done.status == 0, done.err
    output = dict(line.split(None, 1) for line in done.lines)
    assert output["user"] == ME
    assert output["tenant"] == TENANT
    assert output["reach"].startswith("user: events for this user")
    assert output["expires"].endswith((" UTC, in 2h00m", " UTC, in 1h59m"))
    assert output["connects"] == "yes, granted by websocketd"
    assert output["acl"] == "events.me.# !events.calls.# #.read (and 2 not about events)"
    assert "s3cret" not in done.out + done.err


@ensureDeferred
async def test_a_token_that_may_not_connect_is_also_described(wazo_auth, config):
    wazo_auth.issue("s3cret", acl=["events.#"])
    done = await meanwhile("token", "s3cret", *config)
    assert done.status == 1
    assert "connects  no, no pattern of its ACL grants it\n" in done.out
    assert "acl       events.#\n" in done.out


@ensureDeferred
async def test_the_visibility_of_events_is_shown_with_the_deciding_pattern(wazo_auth, config):
    wazo_auth.issue("s3cret", acl=["websocketd", "events.me.#", "events.call_*", "!events.call_ended"])
    words = ("--event", "call_created", "--event", "call_ended", "--required-acl", f"events.{ME}.x")
    done = await meanwhile("token", "s3cret", *config, *words)
    assert done.status == 1
    assert done.lines[-3:] == [
        "sees      call_created, if it requires events.call_created: yes, granted by events.call_*",
        "sees      call_ended, if it requires events.call_ended: no, denied by !events.call_ended",
        f"sees      events.{ME}.x: yes, granted by events.me.#",
    ]
    assert (await meanwhile("token", "s3cret", *config, *words[:2])).status == 0
    assert (await meanwhile("token", "s3cret", *config, "--event", "other")).status == 1


@ensureDeferred
async def test_json_has_all_results(wazo_auth, config):
    wazo_auth.issue("s3cret", acl=["websocketd"], expires=time.time() + 100, session="s1", admin=True)
    done = await meanwhile("token", "-", *config, "--json", "--event", "a", stdin="s3cret\n")
    found = done.json
    assert done.status == 1
    assert (found["user"], found["tenant"], found["session"], found["reach"]) == (ME, TENANT, "s1", "tenant")
    assert (found["acl"], found["may_connect"]) == (["websocketd"], True)
    assert 0 < found["seconds_left"] <= 100
    assert found["sees"] == [
        {"event": "a", "required_acl": "events.a", "yes": False, "why": "no pattern of its ACL grants it"}
    ]


@ensureDeferred
async def test_the_master_tenant_is_known_by_the_service_account(wazo_auth, tmp_path):
    wazo_auth.issue("s3cret", tenant=MASTER)
    options = write(tmp_path, wazo_auth, "service_id: gateway, service_key: opensesame")
    done = await meanwhile("token", "s3cret", *options, "--json")
    assert (done.status, done.json["reach"]) == (0, "all")


@ensureDeferred
async def test_a_rejected_service_account_is_reported(wazo_auth, tmp_path):
    wazo_auth.issue("s3cret", tenant=MASTER)
    options = write(tmp_path, wazo_auth, "service_id: gateway, service_key: wrong")
    done = await meanwhile("token", "s3cret", *options, "--json")
    assert (done.status, done.json["reach"]) == (0, "user")
    assert done.err.startswith("the master tenant is not known")


@ensureDeferred
async def test_an_unknown_token_is_a_failure(wazo_auth, config):
    done = await meanwhile("token", "s3cret", *config)
    assert (done.status, done.out, done.err) == (1, "", "the token is unknown or has expired\n")


@ensureDeferred
async def test_an_unreachable_wazo_auth_is_one_line_with_the_remedy(wazo_auth, config):
    await wazo_auth.stop()
    done = await meanwhile("token", "s3cret", *config)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith(
        f"wazo-auth at http://127.0.0.1:{wazo_auth.port}/api/auth (start it, or correct auth.host"
    )
    assert "refused" in line


@ensureDeferred
async def test_an_error_of_wazo_auth_is_one_line(wazo_auth, config):
    wazo_auth.status = 503
    done = await meanwhile("token", "s3cret", *config)
    assert (done.status, "HTTP status 503" in done.err) == (1, True)


@pytest.mark.parametrize("source", ["argument", "variable", "input"])
def test_tokens_of_the_configuration_are_shown(static, source):
    words, variables, stdin = {
        "argument": (("s3cret-user",), {}, ""),
        "variable": ((), {"WSEVENTS_TOKEN": "s3cret-user"}, ""),
        "input": (("-",), {}, "s3cret-user\n"),
    }[source]
    done = wsevents("token", *words, *static, stdin=stdin, **variables)
    assert done.status == 0, done.err
    assert "user      u1\n" in done.out
    assert "expires   never\n" in done.out
    assert "s3cret" not in done.out + done.err


def test_a_token_of_the_configuration_that_may_not_connect_is_described(static):
    done = wsevents("token", "s3cret-none", *static)
    assert done.status == 1
    assert "connects  no" in done.out
    assert "acl       nothing about events (and 1 not about events)\n" in done.out


def test_an_expired_token_of_the_configuration_is_a_failure(static):
    done = wsevents("token", "s3cret-ended", *static)
    assert (done.status, done.err) == (1, "the token has expired\n")


def test_a_missing_token_is_a_usage_error_that_names_the_sources(static):
    done = wsevents("token", *static)
    assert (done.status, "WSEVENTS_TOKEN" in done.err) == (2, True)


def test_an_unusable_configuration_is_reported(tmp_path):
    done = wsevents("token", "x", "--config", tmp_path / "none.yml")
    assert (done.status, done.err) == (1, f"{tmp_path}/none.yml: cannot be read: No such file or directory\n")
