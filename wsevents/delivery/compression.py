"""What is agreed with a peer that would have messages compressed (permessage-deflate, RFC 7692)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

if TYPE_CHECKING:
    from collections.abc import Iterable


def accept(offers: Iterable[object]) -> PerMessageDeflateOfferAccept | None:
    """Return the acceptance of the first offer that suits, or None: then nothing is compressed.

    An event is compressed once for all peers, so no message may refer to an earlier one
    (`server_no_context_takeover`), and the window is always the largest. The peer is asked for the same,
    so that nothing of its messages is kept either.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in {0, zlib.MAX_WBITS}:
            offer.request_no_context_takeover = True  # or Autobahn would not tell the peer
            return PerMessageDeflateOfferAccept(
                offer,
                request_no_context_takeover=offer.accept_no_context_takeover,
                no_context_takeover=True,
            )
    return None
