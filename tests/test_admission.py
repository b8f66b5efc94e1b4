"""Who may connect."""

from hypothesis import given
from hypothesis import strategies as st

from wsevents.admission import Admission
from wsevents.settings import Limits


def test_pending_handshakes_are_limited_in_all_and_by_address():
    admission = Admission(Limits(pending_handshakes=3, pending_per_address=2))
    assert [admission.arrive("a"), admission.arrive("a"), admission.arrive("b")] == [None] * 3
    assert admission.arrive("c") == "too many handshakes are under way"
    admission.settle("b")
    assert admission.arrive("a") == "too many handshakes are under way from its address"
    assert admission.arrive("c") is None


def test_connections_are_limited_by_address_until_they_leave():
    admission = Admission(Limits(connections_per_address=1))
    assert admission.arrive("a") is None
    admission.settle("a")
    assert admission.arrive("a") == "too many connections from its address"
    admission.leave("a")
    assert admission.arrive("a") is None


def test_zero_is_no_limit():
    admission = Admission(Limits(pending_handshakes=0, pending_per_address=0, connections_per_address=0))
    assert all(admission.arrive("a") is None for _ in range(5000))


@given(st.lists(st.sampled_from("abc")))
def test_when_all_have_left_nothing_is_remembered(addresses):
    admission = Admission(Limits())
    inside = [address for address in addresses if admission.arrive(address) is None]
    for address in inside:
        admission.settle(address)
        admission.leave(address)
    assert admission.empty
