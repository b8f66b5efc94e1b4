"""VoIPBIN's protocol by a real gateway, on its own bus and on a real RabbitMQ."""

import json
import time
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.gateway_process import DEADLINE, shared, standalone
from tests.support.voipbin import (
    ADMIN,
    AGENT,
    CALL,
    CUSTOMER,
    OTHER,
    PLAIN,
    QUEUE,
    STRANGER,
    SUPER_ADMIN,
    VoipbinGateway,
    bus,
    call,
    claims,
    command,
    delegate,
    of_agent,
    section,
    sharing_voipbin,
    signed,
    topic,
    voipbin,
    voipbin_on_rabbitmq,
)

__all__ = ["bus", "sharing_voipbin", "voipbin", "voipbin_on_rabbitmq"]

ADMINISTRATOR = signed(claims())


def refused(gateway, target, **options):
    """Return status and error of a refusal."""
    with pytest.raises(InvalidStatus) as failed:
        gateway.visit(target, **options)
    response = failed.value.response
    return response.status_code, json.loads(response.body)["error"] if response.body else None


# -- who may come in


def test_without_a_credential_the_answer_is_401_in_voipbins_envelope(voipbin):
    status, error = refused(voipbin, "/v1.0/ws")
    assert status == 401
    assert list(error) == ["status", "reason", "message", "request_id"]
    assert (error["status"], error["reason"]) == ("UNAUTHENTICATED", "AUTHENTICATION_REQUIRED")


@pytest.mark.parametrize("path", ["/v1.0/ws", "/v1.0/service_agents/ws"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"Cookie": f"a=b; token={ADMINISTRATOR}"}),
        (f"?token={ADMINISTRATOR}", {}),
        ("", {"Authorization": f"Bearer {ADMINISTRATOR}"}),
        ("", {"Cookie": "accesskey=s3cret-access"}),
        ("?accesskey=s3cret-access", {}),
        ("?token=s3cret-access", {}),
    ],
)
def test_each_place_of_a_credential_lets_in(voipbin, path, query, headers):
    with voipbin.visit(path + query, additional_headers=headers) as client:
        client.subscribe(topic("call"))


def test_a_token_that_is_no_good_is_401_and_no_other_place_is_looked_at(voipbin):
    for target in (
        "/v1.0/ws?token=a.b.c",
        "/v1.0/ws?token=unknown",
        "/v1.0/ws?accesskey=unknown",
        f"/v1.0/ws?accesskey={ADMINISTRATOR}",
        "/v1.0/ws?token=a.b.c&accesskey=s3cret-access",
    ):
        status, error = refused(voipbin, target)
        assert (status, error["status"], error["reason"]) == (401, "UNAUTHENTICATED", "INVALID_CREDENTIALS")


def test_a_frozen_account_is_403_with_details(voipbin):
    status, error = refused(voipbin, "/v1.0/ws?accesskey=s3cret-cold")
    assert (status, error["status"], error["reason"]) == (403, "PERMISSION_DENIED", "ACCOUNT_FROZEN")
    assert error["details"] == {
        "deletion_scheduled_at": "2026-01-01T00:00:00Z",
        "deletion_effective_at": None,
        "recovery_endpoint": "/v1.0/customer",
    }


def test_a_delegate_gets_an_empty_answer(voipbin):
    assert refused(voipbin, f"/v1.0/ws?token={signed(delegate())}") == (200, None)


def test_a_cookie_counts_only_from_the_same_origin(voipbin):
    headers = {"Cookie": f"token={ADMINISTRATOR}"}
    assert refused(voipbin, "/v1.0/ws", additional_headers=headers, origin="https://evil.example")[0] == 401
    with voipbin.visit(
        "/v1.0/ws", additional_headers=headers, origin=f"https://localhost:{voipbin.port}"
    ) as client:
        client.subscribe(topic())


def test_other_paths_are_wazos(voipbin):
    with voipbin.connect("/v1.0/wss?token=s3cret-user") as client:
        assert json.loads(client.recv(DEADLINE))["op"] == "init"


def test_no_credential_is_in_the_log(voipbin):
    with voipbin.visit() as client:
        client.subscribe(topic())
    refused(voipbin, "/v1.0/ws?accesskey=s3cret-access-not")
    voipbin.stop()
    assert "session closed: voipbin" in voipbin.log
    for secret in ("s3cret", ADMINISTRATOR, ADMINISTRATOR.split(".")[2]):
        assert secret not in voipbin.log


# -- generic events


def begin(folder):
    text = standalone(folder) + section()
    text = text.replace("tenant_uuid: t1", f"tenant_uuid: {CUSTOMER}")
    return VoipbinGateway(folder, text.replace("tenant_uuid: t2", f"tenant_uuid: {STRANGER}"))


sharing_mixed = shared(begin)


@pytest.fixture
def mixed(sharing_mixed):
    """A gateway whose Wazo tenant is a customer."""
    return sharing_mixed.running()


def test_a_generic_event_becomes_one_of_voipbin(mixed):
    with mixed.visit() as client:
        client.subscribe(topic("call", "*"))
        mixed.publish("call_answered", data={"call_id": "1.2", "status": "Up"})
        frame = client.hears()
    assert frame["type"] == "call_progressing"
    assert frame["event_type"] == "call.status"
    assert frame["topic"] == topic("call", "1.2")
    assert frame["data"] == {"call_id": "1.2", "status": "Up", "id": "1.2", "customer_id": CUSTOMER}


def test_required_acl_and_tenant_hold(mixed):
    origin_refused = claims(agent={"id": AGENT, "customer_id": STRANGER, "permission": ADMIN})
    with (
        mixed.visit() as administrator,
        mixed.visit(f"/v1.0/ws?token={signed(claims(PLAIN))}") as agent,
        mixed.visit(f"/v1.0/ws?token={signed(origin_refused)}") as other,
    ):
        administrator.subscribe(topic("call"))
        agent.subscribe(of_agent())
        other.subscribe(of_agent(), topic(customer=STRANGER))
        mixed.publish("call_created", data={"id": "1"}, user_uuid=AGENT, required_acl="events.secret")
        mixed.publish("call_created", data={"id": "2"}, user_uuid=AGENT, required_acl=f"events.calls.{AGENT}")
        mixed.publish("call_created", data={"id": "3"}, user_uuid=AGENT, required_acl=None)
        assert [administrator.hears()["id"] for _ in range(3)] == ["1", "2", "3"]
        assert [agent.hears()["id"] for _ in range(2)] == ["2", "3"]
        mixed.publish("call_created", "s3cret-other", data={"id": "4"}, required_acl=None)
        assert other.hears()["id"] == "4"


# -- VoIPBIN's own events


def test_the_exchange_is_bound_while_somebody_wants_it(voipbin_on_rabbitmq, bus):
    key = f"customer_id.{CUSTOMER}.call.call_created.{CALL}"
    assert not bus.is_wanted(key)
    with voipbin_on_rabbitmq.visit() as one:
        one.subscribe(topic("call"))
        bus.wanted(key)
        with voipbin_on_rabbitmq.visit() as two:
            two.subscribe(topic("message"))
        bus.publish("call_created", call())
        assert one.hears()["id"] == CALL
        assert not bus.is_wanted(f"agent_id.{AGENT}.call.call_created.{CALL}")
        one.send(command(topic("call"), kind="unsubscribe"))
        one.settle()
        while bus.is_wanted(key):
            pass


def test_a_peer_gets_one_frame_of_an_event_whatever_it_subscribed_to(voipbin_on_rabbitmq, bus):
    event = call(owner_id=AGENT)
    keys = [bus.key("call_created", event), bus.key("call_created", event, "agent_id", AGENT)]
    with (
        voipbin_on_rabbitmq.visit() as both,
        voipbin_on_rabbitmq.visit() as agent,
        voipbin_on_rabbitmq.visit(f"/v1.0/ws?token={signed(claims(SUPER_ADMIN))}") as root,
    ):
        both.subscribe(of_agent("call"), topic(), topic("call"), topic("call", CALL), topic("call", "*"))
        agent.subscribe(of_agent("call", "call_created"))
        root.subscribe("")
        for kind in ("call_created", "call_hangup"):
            bus.publish(kind, event | {"status": kind}, *keys)
        assert [(frame["status"], frame["topic"]) for frame in (both.hears(), both.hears())] == [
            ("call_created", topic("call", CALL)),
            ("call_hangup", topic("call", CALL)),
        ]
        assert agent.hears()["topic"] == of_agent("call", "call_created", CALL)
        assert [root.hears()["status"] for _ in range(2)] == ["call_created", "call_hangup"]


def test_a_call_in_a_queue_is_heard_of_by_queue(voipbin_on_rabbitmq, bus):
    event = call(queue_id=QUEUE, service_agent_id=AGENT, reference_id=OTHER, reference_type="call")
    with (
        voipbin_on_rabbitmq.visit() as customer,
        voipbin_on_rabbitmq.visit(f"/v1.0/ws?token={signed(claims(PLAIN))}") as agent,
    ):
        customer.subscribe(topic("queue", QUEUE))
        agent.subscribe(of_agent("queue", "*"))
        bus.publish("queuecall_created", event)
        frame = customer.hears()
        assert (frame["type"], frame["event_type"]) == ("queuecall_created", "queue.joined")
        assert frame["topic"] == topic("queue", QUEUE)
        assert (frame["data"]["call_id"], frame["data"]["queue_id"]) == (OTHER, QUEUE)
        assert agent.hears()["topic"] == of_agent("queue", QUEUE)


# -- the end


def test_a_token_that_ends_closes_with_1008(voipbin):
    token = signed(claims(ends=time.time() + 1.5))
    with voipbin.visit(f"/v1.0/ws?token={token}") as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(DEADLINE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "token expired")


def test_without_the_bus_it_ends_with_1011(voipbin_on_rabbitmq, rabbitmq):
    with voipbin_on_rabbitmq.visit() as client, pytest.raises(ConnectionClosed) as closed:
        client.subscribe(topic())
        rabbitmq.control("close_all_connections", "maintenance")
        client.recv(DEADLINE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "bus connection lost")


def test_who_changes_its_mind_all_the_time_leaves_nothing_behind(voipbin_on_rabbitmq, bus):
    with voipbin_on_rabbitmq.visit() as client:
        for _ in range(50):
            client.send(command(topic("call"), of_agent()))
            client.send(command(topic("call"), of_agent(), kind="unsubscribe"))
        client.subscribe(of_agent("call"))
        bus.publish("call_created", call(owner_id=AGENT), f"agent_id.{AGENT}.call.call_created.{CALL}")
        assert client.hears()["topic"] == of_agent("call", CALL)
        while bus.is_wanted(f"customer_id.{CUSTOMER}.call.call_created.{CALL}"):
            pass


@pytest.mark.parametrize("shape", ["seed", "wrapped", "bare"])
def test_the_shape_is_the_operators_choice(tmp_path, shape):
    text = standalone(tmp_path).replace("tenant_uuid: t1", f"tenant_uuid: {CUSTOMER}") + section(shape=shape)
    with VoipbinGateway(tmp_path, text) as gateway, gateway.ready().visit() as client:
        client.subscribe(topic())
        gateway.publish("call_created", data={"id": "1"})
        keys = {"seed": {"event_type", "timestamp", "topic", "data"}, "wrapped": {"type", "data"}}
        assert client.hears().keys() == keys.get(shape, {"id", "customer_id"})


def first_event(client, bus):
    """Publish a call until the client receives it: each worker must first bind its own queue."""
    while True:
        bus.publish("call_created", call())
        with suppress(TimeoutError):
            return json.loads(client.recv(0.5))


def test_several_workers_serve_it(tmp_path, rabbitmq, bus):
    text = standalone(tmp_path).replace("type: memory", f"endpoint: '{rabbitmq.endpoint}'")
    with VoipbinGateway(tmp_path, f"workers: 2\n{text}{section()}") as gateway, ExitStack() as stack:
        gateway.ready()
        clients = [stack.enter_context(gateway.visit()) for _ in range(4)]
        for client in clients:
            client.subscribe(topic("call", "*"))
        assert {first_event(client, bus)["id"] for client in clients} == {CALL}


def test_a_topic_that_may_not_be_had_drops_the_connection_without_a_close_frame(voipbin):
    with voipbin.visit() as client, pytest.raises(ConnectionClosed) as closed:
        client.send(command(topic(), topic(customer=STRANGER)))
        client.recv(DEADLINE)
    assert closed.value.rcvd is None
