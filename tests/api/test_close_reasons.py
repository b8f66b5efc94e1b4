"""Close reasons: the public codes, and texts that fit into a close frame."""

import pytest

from wsevents.api import close_reasons
from wsevents.api.close_reasons import Advice, CloseReason

ALL = {name: value for name, value in vars(close_reasons).items() if isinstance(value, CloseReason)}
LARGEST_REASON = 123
"""Bytes; RFC 6455 section 5.5 allows 125 in a control frame, of which the code takes two."""


@pytest.mark.parametrize(
    ("one", "code", "reason"),
    [
        (close_reasons.NO_TOKEN, 4001, "no token"),
        (close_reasons.AUTH_FAILED, 4002, "authentication failed"),
        (close_reasons.AUTH_EXPIRED, 4003, "authentication expired"),
        (close_reasons.PROTOCOL_ERROR, 4004, ""),
        (close_reasons.BUS_LOST, 1011, "bus connection lost"),
        (close_reasons.BUS_ERROR, 1011, "bus connection error"),
        (close_reasons.EVENTS_LOST, 1011, "events were lost"),
        (close_reasons.PING_TIMEOUT, 1011, "keepalive ping timeout"),
        (close_reasons.INTERNAL_ERROR, 1011, ""),
        (close_reasons.TOO_BIG, 1009, ""),
        (close_reasons.GOING_AWAY, 1001, ""),
    ],
)
def test_public_codes_and_reasons_do_not_change(one, code, reason):
    assert (one.code, one.reason) == (code, reason)


@pytest.mark.parametrize("one", ALL.values(), ids=ALL)
def test_every_close_reason_fits_into_a_close_frame(one):
    assert len(one.reason.encode()) <= LARGEST_REASON
    # RFC 6455 section 7.4.1: an endpoint never sends these codes.
    assert one.code not in {1004, 1005, 1006, 1015}
    assert one.code is None or 1000 <= one.code <= 1013 or 3000 <= one.code <= 4999


@pytest.mark.parametrize("one", ALL.values(), ids=ALL)
def test_the_meaning_of_every_close_reason_is_one_sentence(one):
    assert one.meaning.endswith(".")
    assert "\n" not in one.meaning
    assert isinstance(one.advice, Advice)


def test_no_two_close_reasons_look_the_same_to_a_client():
    sent = [(one.code, one.reason) for one in ALL.values() if one.code is not None]
    assert len(set(sent)) == len(sent)


def test_only_token_errors_advise_a_new_token():
    assert {name for name, one in ALL.items() if one.advice is Advice.TOKEN} == {
        "AUTH_FAILED",
        "AUTH_EXPIRED",
    }


@pytest.mark.parametrize("reason", ["x" * 124, "é" * 62], ids=["ascii", "two bytes each"])
def test_a_reason_that_does_not_fit_into_a_close_frame_raises(reason):
    with pytest.raises(ValueError, match="must not be longer than 123 bytes"):
        CloseReason(1011, reason, "The reason is too long.", Advice.RETRY)
    assert CloseReason(1011, reason[:61], "The reason fits.", Advice.RETRY).reason == reason[:61]
