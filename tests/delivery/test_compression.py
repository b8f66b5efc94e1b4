"""What is agreed about compression."""

import pytest
from autobahn.websocket.compress import PerMessageDeflateOffer

from wsevents.delivery.compression import accept


def offer(**parameters):
    return PerMessageDeflateOffer.parse({name: [value] for name, value in parameters.items()})


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"client_no_context_takeover": True},
        {"server_no_context_takeover": True, "client_max_window_bits": True},
        {"client_max_window_bits": "10"},
    ],
)
def test_no_message_refers_to_an_earlier_one_and_both_sides_know(parameters):
    answer = accept([offer(**parameters)]).get_extension_string()
    assert answer.split("; ") == [
        "permessage-deflate",
        "server_no_context_takeover",
        "client_no_context_takeover",
    ]


def test_the_first_offer_that_suits_is_taken():
    small, fitting, other = offer(server_max_window_bits="9"), offer(server_max_window_bits="15"), offer()
    assert accept([small, fitting, other]).offer is fitting


@pytest.mark.parametrize("offers", [[], [offer(server_max_window_bits="9")], ["something else"]])
def test_without_one_nothing_is_compressed(offers):
    assert accept(offers) is None
