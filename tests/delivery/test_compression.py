"""Negotiation of compression."""

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
def test_context_takeover_is_off_in_both_directions(parameters):
    answer = accept([offer(**parameters)]).get_extension_string()
    assert answer.split("; ") == [
        "permessage-deflate",
        "server_no_context_takeover",
        "client_no_context_takeover",
    ]


def test_the_first_suitable_offer_is_accepted():
    small, fitting, other = offer(server_max_window_bits="9"), offer(server_max_window_bits="15"), offer()
    assert accept([small, fitting, other]).offer is fitting


@pytest.mark.parametrize("offers", [[], [offer(server_max_window_bits="9")], ["something else"]])
def test_without_a_suitable_offer_nothing_is_compressed(offers):
    assert accept(offers) is None
