"""The session log: counters by code, and a bounded list of closed sessions."""

from attrs import evolve

from wsevents.core.session_log import REMEMBERED, ClosedSession, SessionInfo, SessionLog

INFO = SessionInfo("7-1", "wazo", "192.0.2.1", 4711, "u1", "t1", 100.0, 3, 20, 512, None)


def closed(code, **changes):
    return ClosedSession(evolve(INFO, **changes), 200.0, code, "The session ended.", "")


def test_no_two_sessions_have_the_same_id():
    session_log = SessionLog(7)
    assert [session_log.record_opened(name) for name in ("wazo", "voipbin", "wazo")] == ["7-1", "7-2", "7-3"]
    assert session_log.opened == {"wazo": 2, "voipbin": 1}


def test_closed_sessions_are_counted_by_side_and_code():
    session_log = SessionLog()
    session_log.record_closed(closed(4003), "gateway")
    session_log.record_closed(closed(1000), "peer")
    session_log.record_closed(closed(None), "nobody")
    assert session_log.closed == {
        ("wazo", "gateway", "4003"): 1,
        ("wazo", "peer", "1000"): 1,
        ("wazo", "nobody", "none"): 1,
    }


def test_unknown_codes_of_peers_share_one_counter():
    session_log = SessionLog()
    for code in range(3000, 5000):
        session_log.record_closed(closed(code), "peer")
    assert session_log.closed == {("wazo", "peer", "other"): 2000}


def test_only_the_last_closed_sessions_are_kept():
    session_log = SessionLog()
    for number in range(REMEMBERED + 5):
        session_log.record_closed(closed(1000, id=f"7-{number}"), "peer")
    assert len(session_log.closed_sessions) == REMEMBERED
    assert [session_log.closed_sessions[0].info.id, session_log.closed_sessions[-1].info.id] == [
        "7-5",
        f"7-{REMEMBERED + 4}",
    ]
