"""A connection in memory: handshake, heartbeat, reading, and close."""

from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from txamqp.content import Content

from tests.buses.amqp.test_frames import method
from tests.buses.amqp.test_table import NAMES, VALUES
from tests.support.amqp_peer import connected, delivery, let_in, said, say, start
from wsevents.api.events import Delivery
from wsevents.buses.amqp.client import GAPS
from wsevents.buses.amqp.frames import encode_frame, encode_method
from wsevents.buses.amqp.reasons import explain
from wsevents.buses.amqp.spec import HEADER

ACK = "basic.ack"


def up(clock=None, **options):
    client = connected(clock or Clock())
    let_in(client, **options)
    return client


def listening(deliveries):
    client = up()
    client.on_delivery = deliveries.append
    return client


def test_the_handshake_sends_credentials_and_capabilities():
    client = connected(Clock())
    ((name, (properties, mechanism, response, locale)),) = start(client)
    assert (name, mechanism, response, locale) == (
        "connection.start-ok",
        "PLAIN",
        "\0guest\0secret",
        "en_US",
    )
    wanted = {"authentication_failure_close", "consumer_cancel_notify", "connection.blocked", "basic.nack"}
    assert wanted | {"publisher_confirms"} <= {
        name for name, able in properties["capabilities"].items() if able is True
    }
    client.shutdown()


@pytest.mark.parametrize(("offered", "agreed"), [(0, 131072), (4096, 4096), (2**31, 131072)])
def test_the_frame_size_is_negotiated_and_the_heartbeat_is_fixed(offered, agreed):
    client = connected(Clock())
    start(client)
    say(client, "connection", "tune", 2047, offered, 60)
    assert said(client) == [("connection.tune-ok", (2047, agreed, 10))]
    client.shutdown()


def test_the_handshake_has_a_timeout_of_ten_seconds():
    clock = Clock()
    client = connected(clock)
    start(client)
    clock.advance(9.9)
    assert client.why is None
    clock.advance(0.2)
    assert "no AMQP handshake within 10 s" in explain(client.why)
    assert client.transport.aborted
    assert not clock.getDelayedCalls()


def test_a_heartbeat_each_half_interval_and_an_abort_after_two_intervals_without_data():
    clock = Clock()
    client = up(clock)
    for _ in range(4):
        clock.advance(5)
        assert said(client) == [("frame 8", b"")]
        client.dataReceived(b"\x08\0\0\0\0\0\0\xce")
    clock.pump([5] * 4)
    assert client.why is None
    clock.advance(5)
    assert explain(client.why) == "no data from the broker for 20 s"
    assert client.transport.aborted
    assert not clock.getDelayedCalls()


def test_shutdown_closes_in_order():
    clock = Clock()
    client = up(clock)
    client.shutdown()
    client.shutdown()
    ((name, args),) = said(client)
    assert (name, args[:2]) == ("connection.close", (200, "goodbye"))
    assert not client.transport.disconnecting
    say(client, "connection", "close-ok")
    assert client.transport.disconnecting
    assert not clock.getDelayedCalls()


def test_shutdown_aborts_if_the_broker_does_not_answer():
    clock = Clock()
    client = up(clock)
    client.shutdown()
    clock.advance(2)
    assert client.transport.aborted
    assert not clock.getDelayedCalls()


def test_the_first_reason_is_kept():
    client, fired = up(), []
    client.ended.wait().addCallback(fired.append)
    say(client, "connection", "close", 320, "CONNECTION_FORCED - bye", 0, 0)
    assert said(client) == [("connection.close-ok", ())]
    assert "320 CONNECTION_FORCED - bye" in explain(client.why)
    client.abort("something else")
    assert "320 CONNECTION_FORCED - bye" in explain(client.why)
    assert fired == [True]


def test_a_call_on_a_closed_connection_fails():
    client, failures = up(), []
    channel = client._channel(1)
    channel.channel_open().addErrback(failures.append)
    say(client, "connection", "close", 501, "FRAME_ERROR", 0, 0)
    channel.channel_open().addErrback(failures.append)
    assert ["501 FRAME_ERROR" in explain(failure) for failure in failures] == [True, True]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"AMQP\0\0\x09\1",
        b"\1\0\0\0\0\0\4\0\x0a\0\x63\xce",
        b"\1\0\0\0\0\0\4\0\x0a\0\x0a\0",
        b"\1\0\0\0\0\0\1\0\xce",
        b"\2\0\1\0\0\0\0\xce",
        b"\3\0\1\0\0\0\1a\xce",
        b"\7\0\1\0\0\0\1a\xce",
        b"\1\0\0\xff\xff\xff\xff\0",
        b"\1\0\1\0\0\0\4\0\x3c\0\x3c\xce",
        b"\1\0\1\0\0\0\5\0\x3c\0\x3c\0\xce",
        2 * delivery(1, Content(b"a", properties={}))[:40],
    ],
)
def test_invalid_amqp_ends_the_connection(data):
    client = connected(Clock())
    client.dataReceived(data)
    assert "invalid AMQP from the broker" in explain(client.why)
    assert client.transport.aborted


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=5), st.lists(st.binary(max_size=50)), st.data())
def test_after_any_bytes_the_connection_ends_with_a_reason(frames, rest, data):
    client = up()
    client.on_delivery = lambda one: None
    for chunk in [*frames, *rest]:
        client.dataReceived(chunk)
    client.shutdown()
    client.transport.gone()
    assert explain(client.why)


CONTENTS = st.lists(
    st.builds(
        lambda body, headers: Content(body, properties={"headers": headers} if headers else {}),
        st.binary(max_size=300),
        st.dictionaries(NAMES, VALUES, max_size=2),
    ),
    max_size=4,
)


@given(CONTENTS, st.data())
def test_deliveries_are_intact_for_every_segmentation(contents, data):
    received = []
    client = listening(received)
    stream = b"".join(delivery(tag, one, frame_max=64) for tag, one in enumerate(contents, 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    for start_, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        client.dataReceived(stream[start_:end])
    assert received == [
        Delivery(one.body, one.properties.get("headers", {}), "x", "", 99.0) for one in contents
    ]
    assert client.why is None
    acknowledged = [args for name, args in said(client) if name == ACK]
    assert [multiple for _, multiple in acknowledged] == [True] * len(acknowledged)
    assert [tag for tag, _ in acknowledged][-1:] == [len(contents)] * bool(contents)


def test_the_deliveries_of_one_read_are_acknowledged_together_afterwards():
    seen = []
    client = up()
    client.on_delivery = lambda one: seen.append(said(client))
    client.dataReceived(b"".join(delivery(tag, Content(b"a", properties={})) for tag in range(1, 101)))
    assert seen == [[]] * 100
    assert said(client) == [(ACK, (100, True))]


def test_a_message_with_undecodable_headers_is_acknowledged_and_dropped():
    received = []
    client = listening(received)
    good = delivery(1, Content(b"a", properties={"headers": {"k": True}}))
    client.dataReceived(good.replace(b"kt", b"k?"))
    assert received == []
    assert client.why is None
    assert said(client) == [(ACK, (1, True))]
    client.dataReceived(delivery(2, Content(b"b", properties={}), "k", True))
    assert received == [Delivery(b"b", {}, "x", "k", 99.0, redelivered=True)]


def test_an_exception_in_a_delegate_ends_the_connection_and_is_logged(errors):
    client = up()
    client.on_blocked = lambda why: 1 / 0
    say(client, "connection", "blocked", "memory")
    assert "cannot handle a method of the broker" in explain(client.why)
    assert client.transport.aborted
    assert len(errors.flush(ZeroDivisionError)) == 1


def test_the_repr_of_a_login_has_no_password():
    assert "secret" not in repr(connected(Clock()).login)


# -- several consumers ----------------------------------------------------------------------------


def to(tag, consumer, body=b""):
    return delivery(tag, Content(body), consumer=consumer)


def test_a_delivery_for_another_consumer_is_acknowledged_and_dropped():
    deliveries = []
    client = listening(deliveries)
    client.select_consumer("2")
    client.dataReceived(to(1, "1", b"old") + to(2, "2", b"new") + to(3, "1", b"old") + to(4, "", b"?"))
    assert [one.body for one in deliveries] == [b"new"]
    assert said(client) == [(ACK, (4, True))]


def test_a_gap_is_reported_before_its_acknowledgement_with_any_content():
    deliveries, gaps = [], []
    client = listening(deliveries)
    client.on_gap = lambda: gaps.append(said(client))
    client.select_consumer("1")
    client.dataReceived(to(1, GAPS, b"dropped") + to(2, "1", b"kept"))
    unfit = encode_method(1, method("basic", "deliver"), (GAPS, 3, False, "", "k"))
    header = pack(">HHQHL", 60, 0, 0, 0x2000, 3) + b"\1a?"
    client.dataReceived(unfit + encode_frame(HEADER, 1, header))
    assert [one.body for one in deliveries] == [b"kept"]
    assert gaps == [[], [(ACK, (2, True))]]
    assert said(client) == [(ACK, (3, True))]


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "11", "", GAPS, GAPS + "s"]), st.binary(max_size=9))),
    st.data(),
)
def test_each_delivery_goes_to_its_consumer_for_every_segmentation(sent, data):
    deliveries, gaps = [], []
    client = listening(deliveries)
    client.on_gap = lambda: gaps.append(len(deliveries))
    client.select_consumer("1")
    wire = b"".join(to(number, tag, body) for number, (tag, body) in enumerate(sent, 1))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)), max_size=5)))
    for begin, end in pairwise([0, *cuts, len(wire)]):
        client.dataReceived(wire[begin:end])
    assert [one.body for one in deliveries] == [body for tag, body in sent if tag == "1"]
    before = [sum(tag == "1" for tag, _ in sent[:at]) for at, (tag, _) in enumerate(sent) if tag == GAPS]
    assert gaps == before
