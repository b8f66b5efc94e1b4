"""What has become of sessions: counted by code, and the last ones remembered, however many there were."""

from attrs import evolve

from wsevents.ledger import REMEMBERED, Departure, Ledger, Visit

VISIT = Visit("7-1", "wazo", "192.0.2.1", 4711, "u1", "t1", 100.0, 3, 20, 512, None)


def departure(code, **changes):
    return Departure(evolve(VISIT, **changes), 200.0, code, "It is over.", "")


def test_no_two_sessions_have_the_same_id():
    ledger = Ledger(7)
    assert [ledger.arrive(name) for name in ("wazo", "voipbin", "wazo")] == ["7-1", "7-2", "7-3"]
    assert ledger.opened == {"wazo": 2, "voipbin": 1}


def test_ends_are_counted_by_who_and_code():
    ledger = Ledger()
    ledger.depart(departure(4003), "gateway")
    ledger.depart(departure(1000), "peer")
    ledger.depart(departure(None), "nobody")
    assert ledger.closed == {
        ("wazo", "gateway", "4003"): 1,
        ("wazo", "peer", "1000"): 1,
        ("wazo", "nobody", "none"): 1,
    }


def test_a_peer_cannot_make_it_grow_by_codes_of_its_own():
    ledger = Ledger()
    for code in range(3000, 5000):
        ledger.depart(departure(code), "peer")
    assert ledger.closed == {("wazo", "peer", "other"): 2000}


def test_only_the_last_departures_are_remembered():
    ledger = Ledger()
    for number in range(REMEMBERED + 5):
        ledger.depart(departure(1000, id=f"7-{number}"), "peer")
    assert len(ledger.departures) == REMEMBERED
    assert [ledger.departures[0].visit.id, ledger.departures[-1].visit.id] == ["7-5", f"7-{REMEMBERED + 4}"]
