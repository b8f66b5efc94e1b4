"""Certificates that have ended, or will soon: an operator is told, and the gateway serves on.

Clients that do not check certificates would otherwise be shut out too.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from twisted.logger import Logger

from wsevents.endpoints.check import certificates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509

SOON = timedelta(days=14)
"""How long before its end a certificate is spoken of."""
_log = Logger()


def tell_of_ends(endpoints: Sequence[str], now: datetime) -> None:
    """Tell the log which certificates of these server endpoint strings need renewal; `now` is in UTC."""
    for number, endpoint in enumerate(endpoints):
        with suppress(ValueError):  # `check_endpoint` says why one cannot be read
            for one in certificates(endpoint):
                _tell(f"listen[{number}]: the certificate {one.file}", one.certificate, now)


def _tell(what: str, certificate: x509.Certificate, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end <= now:
        text = "{what} has expired on {day}: clients that check it cannot connect; renew it"
        _log.error(text, what=what, day=f"{end:%Y-%m-%d}")
    elif begin > now:
        text = "{what} is not valid before {day}: clients that check it cannot connect; is the clock right?"
        _log.error(text, what=what, day=f"{begin:%Y-%m-%d %H:%M} UTC")
    elif end - now < SOON:
        _log.warn("{what} expires on {day}; renew it", what=what, day=f"{end:%Y-%m-%d}")
