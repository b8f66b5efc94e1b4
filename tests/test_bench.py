"""The benchmark works: minimal measures on a real gateway; no test asserts a time."""

import io
import json
import socket
import ssl
from threading import Thread
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import consume, hop, needle, processes, report, stalled
from bench.__main__ import MEASURES, README, arguments, draw
from bench.events import SIZE, event, pace
from bench.hop import Hop
from bench.load import Peers, compile_load
from bench.nchan import read_answer
from bench.rig import Plan, Result, Rig, Row, compare, percentile, run
from tests.support.certificates import write_pair
from tests.support.ports import reserved_port

TINY = Plan(peers=4, few=2, many=4, stalled=1, rounds=1, seconds=0.1, messages=20, settle=0.1)
ABOUT = {"date": "2026-01-02 03:04 UTC", "machine": "a machine", "versions": {"Python": "3.11"}}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    return compile_load(tmp_path_factory.mktemp("load"))


@pytest.fixture
def rig(load, rabbitmq):
    """The environment of a measure; the measure must report its steps."""
    steps = []
    yield Rig(TINY, load, rabbitmq, 1024, steps.append)
    assert steps


# -- the load generator, and measures on a real gateway


def test_the_needle_measure_has_figures_and_a_verdict(rig):
    result = needle.measure(rig)
    (row,) = result.rows
    assert row.ours > 0
    assert row.peer > 0
    assert row.verdict == ("met" if row.ours / row.peer <= row.bar else "missed")
    json.dumps(result.as_json())


def test_the_gateway_consumes_all_events_without_a_subscriber(rig):
    (row,) = consume.measure(rig).rows
    assert row.ratio > 0


def test_the_hop_sees_every_event_that_the_peers_get(rig):
    with consume.Gateway(rig.load, rig.broker) as gateway, gateway.join("seen", 3) as peers:
        with Hop(rig.broker, "seen") as bare:
            one = run(gateway, peers, lambda count: gateway.publish("seen", count), 100, 2, 0.1)
            rig.step("it ran")
            assert pace(lambda *_: set(one.sent) <= bare.arrivals.keys(), 10, 1, 0.5) == 5
        assert len(one.received) == 3 * 10
        assert set(one.sent) == set(bare.arrivals)
        assert gateway.pid in gateway.pids
        assert processes.memory(gateway.pids) > 0
        assert processes.connections(gateway.pid, gateway.port) == 3


def test_refused_peers_are_an_error(load):
    with pytest.raises(RuntimeError, match="not all peers became ready"):
        Peers(load, reserved_port(), 2, "/")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A TLS server on loopback: `serve` sends pieces to the next client."""
    key, crt = write_pair(tmp_path_factory.mktemp("server"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, context


def serve(server, pieces):
    listener, context = server
    raw, _ = listener.accept()
    raw.settimeout(30)
    with context.wrap_socket(raw, server_side=True) as stream:
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(4096)
        for piece in pieces:
            stream.sendall(piece)
        while stream.recv(4096):
            pass  # pongs, until the load generator exits


def frame(payload, opcode=1):
    size = len(payload)
    if size < 126:
        head = bytes([size])
    elif size < 65536:
        head = b"\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + head + payload


TEXTS = st.builds(event, st.just("e"), st.integers(0, 2**62), st.sampled_from([100, 242, 10_000, 70_000]))
FRAMES = st.one_of(TEXTS.map(frame), st.binary(max_size=125).map(lambda data: frame(data, 9)))


@settings(max_examples=max(1, settings().max_examples // 5))
@given(st.lists(FRAMES, max_size=8), st.data())
def test_the_load_generator_parses_frames_for_any_division_of_the_stream(load, server, frames, data):
    stream = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame(b"hello") + b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    sent = [json.loads(one[one.index(b"{") :])["data"]["sent"] for one in frames if one[0] == 0x81]
    thread = Thread(target=serve, args=(server, pieces))
    thread.start()
    try:
        with Peers(load, server[0].getsockname()[1], 1, "/", replies=1) as peers:
            assert peers.wait(len(sent), 30)["samples"] == len(sent)
            found, received = peers.samples()
            assert list(found) == sent
            assert list(received) == sorted(received)
    finally:
        thread.join(30)


# -- publishing and reading


@given(st.text(max_size=20), st.integers(0, 2**62), st.integers(250, 20_000))
def test_an_event_has_the_requested_size(name, sent, size):
    body = event(name, sent, size)
    assert len(body) == size
    assert json.loads(body)["data"]["sent"] == sent


def test_an_ordinary_event_has_242_bytes():
    assert len(event("call_created", 1763692000123456)) == SIZE == 242


def test_events_are_published_in_bursts():
    seen = []
    assert pace(lambda number, burst: seen.append((number, burst)), 1000, 20, 0.06) == 60
    assert seen == [(0, 20), (1, 20), (2, 20)]


@given(st.lists(st.integers(0, 2**62), max_size=6), st.data())
def test_the_hop_finds_every_time_for_any_division_of_the_stream(times, data):
    stream = b"\x01\x00".join([b"", *(event("e", each) for each in times), b""])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    found, rest = [], b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        stamps, rest = hop.stamps(rest + stream[start:end])
        found += stamps
    assert found == times


@given(st.binary(max_size=300), st.sampled_from([b"content-length", b"Content-Length"]), st.binary())
def test_a_response_is_read_exactly_to_its_end(body, name, more):
    stream = io.BytesIO(b"HTTP/1.1 201 Created\r\n%b: %d\r\n\r\n%b%b" % (name, len(body), body, more))
    assert read_answer(stream) == body
    assert stream.read() == more


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 500 Oh\r\n\r\n"])
def test_an_error_response_of_nchan_is_an_error(answer):
    with pytest.raises(ValueError, match="the server answered"):
        read_answer(io.BytesIO(answer))


def test_established_connections_are_counted_at_their_local_port():
    table = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout ino
   0: 0100007F:251E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100
   1: 0100007F:251E 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20
   2: 0100007F:9C40 0100007F:251E 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20
   3: 0100007F:251E 0100007F:9C41 06 00000000:00000000 00:00000000 00000000     0        0 14 1 0 20
"""
    assert list(processes.established(table, 9502)) == ["12"]


@pytest.mark.parametrize(
    ("line", "too_slow", "other"),
    [
        ("session closed: wazo ::1 user=u tenant=t 9 s, peak queue 9 bytes; 1013 The client is slow.", 1, 0),
        ("session closed: wazo ::1 user=u tenant=t 9 s, peak queue 9 bytes; 1001 It is stopping.", 0, 1),
        ("the bus is up", 0, 0),
    ],
)
def test_slow_and_other_closed_peers_are_counted_in_the_log(line, too_slow, other):
    assert len(stalled.TOO_SLOW.findall(line)) == too_slow
    assert len(stalled.OTHERS.findall(line)) == other


# -- results and report


def test_the_ratio_is_the_median_of_the_ratios():
    row = compare("cost", "µs", 1.5, [(1.0, 2.0), (30.0, 3.0), (2.0, 1.0)])
    assert (row.ours, row.peer, row.ratio, row.verdict) == (2.0, 2.0, 2.0, "missed")


@given(st.lists(st.integers(), min_size=1), st.sampled_from([0.0, 0.5, 0.99, 1.0]))
def test_a_percentile_is_one_of_the_values(values, part):
    assert percentile(sorted(values), part) in values


@given(st.one_of(st.none(), st.floats(0, 1e9)))
def test_a_figure_is_short(value):
    assert len(report.number(value, "µs")) <= 13


ROWS = [
    Row(what="cost", unit="µs", bar=1.2, ours=14.04, peer=13.0, ratio=1.08),
    Row(what="workers", unit="µs", bar=1.1, note="it has none"),
    Row(what="lost", unit="", bar=0.0, ours=0.0, ratio=0.0),
]


def test_the_section_of_the_readme_is_replaced_and_nothing_else():
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.put_into(page, report.markdown(ROWS, ABOUT))
    assert once.startswith(f"before\n{report.BEGIN}\n")
    assert once.endswith(f"{report.END}\nafter\n")
    assert "| cost | 14.0 µs | 13 µs | 1.08 × | ≤ 1.2 × | met |" in once
    assert "| workers | – | – | – | ≤ 1.1 × | not measured |" in once
    assert "| lost | 0 | – | – | 0 | met |" in once
    assert "a machine" in once
    assert "old" not in once
    assert report.put_into(once, report.markdown(ROWS, ABOUT)) == once


def test_the_readme_has_a_section_for_the_table():
    assert report.put_into(README.read_text(), "") != README.read_text()
    with pytest.raises(ValueError, match="one section"):
        report.put_into("none", "")


def test_the_table_for_the_terminal_has_a_line_for_each_row_and_each_note():
    assert len(report.table(ROWS).splitlines()) == 1 + 3 + 1


def test_the_raw_numbers_are_kept(tmp_path):
    report.write(tmp_path / "new", "fanout", {"peers": 4}, ABOUT, Result(ROWS, {"rounds": [1]}))
    kept = json.loads((tmp_path / "new" / "fanout.json").read_text())
    assert (kept["machine"], kept["raw"], kept["rows"][0]["verdict"]) == ("a machine", {"rounds": [1]}, "met")


COSTS = st.floats(0.1, 1e4)
POINTS = st.lists(
    st.fixed_dictionaries({"peers": st.integers(1, 10**6), "ours": COSTS, "peer": COSTS}),
    min_size=1,
    max_size=6,
)


@given(POINTS)
def test_the_plot_is_well_formed_and_stays_in_its_frame(tmp_path_factory, points):
    folder = tmp_path_factory.getbasetemp()
    draw(folder, sorted(points, key=lambda point: point["peers"]), ABOUT)
    root = ET.parse(folder / "fanout.svg").getroot()
    places = [
        tuple(map(float, pair.split(",")))
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
        for pair in line.get("points").split()
    ]
    assert len(places) == 2 * len(points)
    assert all(0 <= x <= 720 and 0 <= y <= 380 for x, y in places)


def test_every_measure_has_steps():
    assert all(module.steps(Plan()) > 0 for module in MEASURES.values())


def test_measures_are_selected_by_name(capsys):
    assert arguments(["fanout", "needle"]).measures == ["fanout", "needle"]
    with pytest.raises(SystemExit):
        arguments(["fan-out"])
    assert "choose from fanout" in capsys.readouterr().err
