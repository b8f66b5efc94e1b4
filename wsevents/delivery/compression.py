"""Negotiate compression with a peer (permessage-deflate, RFC 7692)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

if TYPE_CHECKING:
    from collections.abc import Iterable


def accept(offers: Iterable[object]) -> PerMessageDeflateOfferAccept | None:
    """Accept the first suitable offer. None: no offer is suitable, so messages are not compressed.

    An event is compressed once for all peers. So no message may refer to an earlier one
    (`server_no_context_takeover`), and the window always has the largest size. The gateway requests the same
    of the peer, so that it keeps no compression state per peer.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in {0, zlib.MAX_WBITS}:
            offer.request_no_context_takeover = True  # otherwise Autobahn omits it from the response
            return PerMessageDeflateOfferAccept(
                offer,
                request_no_context_takeover=offer.accept_no_context_takeover,
                no_context_takeover=True,
            )
    return None
