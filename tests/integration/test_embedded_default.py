"""What `make run` starts: a client of every protocol, with the credentials that it prints."""

import json
import re
import time

import jwt
import pytest

from tests.support.gateway_process import DEADLINE, embedded_default
from tests.support.websocket_client import Client, trusting
from wsevents.dialects.innovaphone.login import AppLogin, login_message

__all__ = ["embedded_default"]

TENANT = "00000000-0000-4000-8000-000000000001"
CALLS = {"call_created", "call_answered", "call_progressing", "call_updated", "call_ended", "call_hangup"}


def printed(gateway, pattern):
    """Return what the gateway printed at its start, as the groups of a pattern."""
    return gateway.wait_for(pattern).groups()


def dial(url):
    return Client(url, DEADLINE, ssl=trusting())


def receive(client):
    return json.loads(client.recv(DEADLINE))


def test_wazos_token_is_printed_and_hears_the_story(embedded_default):
    (url,) = printed(embedded_default, r"Clients connect to (wss://\S+)")
    with dial(url) as client:
        for text in ('{"op": "subscribe", "data": {"event_name": "call_created"}}', '{"op": "start"}'):
            client.send(text)
        assert [receive(client)["op"] for _ in range(3)] == ["init", "subscribe", "start"]
        assert receive(client)["tenant_uuid"] == TENANT


@pytest.mark.parametrize("kind", ["access key", "JWT"])
def test_voipbins_customer_hears_of_calls(embedded_default, kind):
    url, customer = printed(embedded_default, r"VoIPBIN: (wss://\S+) \(an access key of the customer (\S+)\)")
    assert customer == TENANT
    if kind == "JWT":
        (token,) = printed(embedded_default, r"VoIPBIN: JWT of an administrator of that customer: (\S+)")
        assert jwt.decode(token, options={"verify_signature": False})["agent"]["customer_id"] == TENANT
        url = url.replace("token=demo", f"token={token}")
    with dial(url) as client:
        client.send(json.dumps({"type": "subscribe", "topics": [f"customer_id:{TENANT}:call:*"]}))
        event = receive(client)
    assert event["type"] in CALLS
    assert event["event_type"] == "call.status"
    assert event["customer_id"] == TENANT
    assert event["topic"] == f"customer_id:{TENANT}:call:{event['id']}"


def test_the_jwt_is_valid_for_long(embedded_default):
    (token,) = printed(embedded_default, r"JWT of an administrator of that customer: (\S+)")
    ends = jwt.decode(token, options={"verify_signature": False})["expire"]
    assert ends > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 300 * 86400))


def test_isymphonys_manager_hears_everything_at_once_and_what_it_filters(embedded_default):
    (url,) = printed(embedded_default, r"iSymphony: (wss://manager:manag3rpa55word@\S+)")
    with dial(url) as client:
        assert {"type", "time", "coreServerId"} <= receive(client).keys()
        filters = [{"property": "type", "value": "dial"}]
        client.send(json.dumps({"type": "filter", "correlationId": 1, "filters": filters}))
        while receive(client)["type"] != "success":
            pass
        event = receive(client)
    assert event["type"] == "dial"
    assert event["callerIdNumber"]


def test_innovaphones_app_logs_in_and_hears_what_it_subscribes_to(embedded_default):
    url, app, password = printed(
        embedded_default, r"innovaphone: (wss://\S+) \(the app (\S+) with the password (\S+)\)"
    )
    assert (re.sub(r".*:\d+", "", url), app, password) == ("/PBX0/APPS/websocket", "demo", "demo")
    with dial(url) as client:
        client.send('{"mt": "AppChallenge"}')
        login, challenge = AppLogin(app), receive(client)["challenge"]
        client.send(login_message(login, login.digest(challenge, password)))
        assert receive(client) == {"mt": "AppLoginResult", "ok": True}
        client.send('{"mt": "Subscribe", "api": "Events", "src": "s", "events": ["call_created"]}')
        assert receive(client) == {"mt": "SubscribeResult", "api": "Events", "src": "s"}
        event = receive(client)
    assert (event["mt"], event["src"], event["name"]) == ("Event", "s", "call_created")
    assert event["data"]["call_id"]
