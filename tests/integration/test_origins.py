"""Which pages may connect to a real gateway over real TLS, and with what, in each protocol."""

import json
import re

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.test_isymphony import basic
from tests.support.gateway_process import GatewayProcess, standalone
from tests.support.isymphony_accounts import PATH, quick_hash
from wsevents.api.errors import ConfigurationError
from wsevents.config.loader import parse
from wsevents.config.plugins import Plugins

NAMED = "https://crm.example"
ORIGINS = f"['{NAMED}', 'https://*.shop.example', 'https://bücher.example', 'http://[2001:db8::7]:8080']"
DIALECTS = """
websocket: {{{wazo}}}
dialects:
  wazo: {{}}
  voipbin:
    access_keys:
      s3cret-access: {{customer_id: 11111111-1111-4111-8111-111111111111}}
    {voipbin}
  innovaphone:
    apps:
      demo: {{password: s3cret-app, acl: ["#"]}}
    {innovaphone}
  isymphony:
    users:
      one: {{password_hash: {hash}, tenant_uuid: t1, acl: ["#"]}}
    {isymphony}
"""
TARGETS = {
    "wazo": ("/?token=s3cret-user", {}),
    "voipbin": ("/v1.0/ws?accesskey=s3cret-access", {}),
    "innovaphone": ("/PBX0/APPS/websocket", {}),
    "isymphony": (PATH, {"Authorization": basic("one", "pw")}),
}
KEYS = {name: f"dialects.{name}.allowed_origins" for name in TARGETS} | {"wazo": "websocket.allowed_origins"}


def configuration(folder, **origins):
    """Return a configuration that speaks every protocol; these have such `allowed_origins`."""
    lines = {name: f"allowed_origins: {origins[name]}" if name in origins else "" for name in TARGETS}
    return standalone(folder) + DIALECTS.format(hash=quick_hash("pw"), **lines)


@pytest.fixture(scope="module")
def open_gateway(tmp_path_factory):
    """A gateway with the defaults."""
    folder = tmp_path_factory.mktemp("open")
    with GatewayProcess(folder, configuration(folder)) as gateway:
        yield gateway.ready()


@pytest.fixture
def strict_gateway(tmp_path):
    """A gateway for some pages only."""
    listed = {name: ORIGINS.replace("'https://*.shop.example', ", "") for name in TARGETS}
    listed |= dict.fromkeys(("wazo", "voipbin", "innovaphone"), ORIGINS)
    with GatewayProcess(tmp_path, configuration(tmp_path, **listed)) as gateway:
        yield gateway.ready()


def refusal(gateway, dialect, origin, headers=None, target=None):
    """Return the answer to a page of an origin that asks for a WebSocket; None: it got one."""
    path, credentials = TARGETS[dialect]
    options = {} if origin is None else {"origin": origin}
    try:
        gateway.connect(target or path, additional_headers=headers or credentials, **options).close()
    except InvalidStatus as refused:
        return refused.response
    return None


def own(gateway):
    return f"https://localhost:{gateway.port}"


@pytest.mark.parametrize("dialect", TARGETS)
def test_programs_and_pages_that_are_named_may_connect_and_others_get_403(strict_gateway, dialect):
    welcome = [None, NAMED, "https://CRM.example", f"{NAMED}:443", "http://[2001:db8::7]:8080"]
    welcome += ["https://xn--bcher-kva.example"]
    unwelcome = ["null", "https://evil.example", "http://crm.example", f"{NAMED}:8443", f"{NAMED}."]
    unwelcome += [f"{NAMED}.evil.example", "http://[2001:db8::7]", "https://bucher.example", "file://"]
    (unwelcome if dialect == "isymphony" else welcome).append("https://a.shop.example")
    for origin in welcome:
        assert refusal(strict_gateway, dialect, origin) is None
    for origin in unwelcome:
        assert refusal(strict_gateway, dialect, origin).status_code == 403
    line = strict_gateway.wait_for(".*was rejected: origin not allowed.*")[0]
    assert "a connection from 127.0.0.1" in line
    assert f": 'null'; to allow it, add it to {KEYS[dialect]} (" in line
    assert strict_gateway.log.count("origin not allowed") == 1
    assert "s3cret" not in strict_gateway.log


@pytest.mark.parametrize("dialect", ["wazo", "voipbin", "innovaphone"])
def test_any_page_may_connect_by_default_where_a_browser_gives_nothing_away_by_itself(open_gateway, dialect):
    for origin in (None, "null", "file://", "https://evil.example", "http://localhost", own(open_gateway)):
        assert refusal(open_gateway, dialect, origin) is None


def test_a_password_that_a_browser_sends_by_itself_counts_for_the_gateways_own_pages_only(open_gateway):
    for origin in (None, own(open_gateway), own(open_gateway).upper()):
        assert refusal(open_gateway, "isymphony", origin) is None
    here = own(open_gateway)
    for origin in (
        "null",
        "https://localhost",
        here.replace("https", "http"),
        f"{here}0",
        "https://evil.example",
    ):
        assert refusal(open_gateway, "isymphony", origin).status_code == 403


def test_so_does_a_cookie_and_for_pages_that_are_named_without_a_star(open_gateway, strict_gateway):
    cookie, target = {"Cookie": "accesskey=s3cret-access"}, "/v1.0/ws"
    for gateway, origin in (
        (open_gateway, None),
        (open_gateway, own(open_gateway)),
        (strict_gateway, NAMED),
        (strict_gateway, "https://xn--bcher-kva.example"),
    ):
        assert refusal(gateway, "voipbin", origin, cookie, target) is None
    for gateway, origin in (
        (open_gateway, "null"),
        (open_gateway, NAMED),
        (open_gateway, own(open_gateway).replace("https", "http")),
        (strict_gateway, "https://a.shop.example"),
    ):
        assert refusal(gateway, "voipbin", origin, cookie, target).status_code == 401


def test_voipbins_refusal_is_in_its_envelope(strict_gateway):
    refused = refusal(strict_gateway, "voipbin", "https://evil.example")
    error = json.loads(refused.body)["error"]
    assert (error["status"], error["reason"]) == ("PERMISSION_DENIED", "ORIGIN_NOT_ALLOWED")
    assert re.fullmatch("[0-9a-f-]{36}", error["request_id"])


@pytest.mark.parametrize("dialect", TARGETS)
@pytest.mark.parametrize(
    "origins", ["[]", "['crm.example']", "['https://crm.example/']", "['*']", "['null']"]
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path, dialect, origins):
    fine = {"['*']", "['null']"} if dialect != "isymphony" else {"[]"}
    text = configuration(tmp_path, **{dialect: origins})
    if origins in fine:
        parse(text, "config.yml", Plugins(), {})
        return
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "config.yml", Plugins(), {})
    (problem,) = caught.value.problems
    assert f"{KEYS[dialect]}: " in problem
    assert "origin" in problem
