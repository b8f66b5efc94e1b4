"""Log certificates of listeners that have expired or expire soon.

An expired certificate does not stop the gateway: clients that do not check certificates can still connect.
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
"""How long before its expiry a certificate is logged."""
_log = Logger()


def log_expiry(endpoints: Sequence[str], now: datetime) -> None:
    """Log each certificate of these server endpoint strings that needs renewal; `now` is in UTC."""
    for number, endpoint in enumerate(endpoints):
        with suppress(ValueError):  # `check_endpoint` reports unreadable files
            for found in certificates(endpoint):
                _log_expiry(f"listen[{number}]: the certificate {found.file}", found.certificate, now)


def _log_expiry(what: str, certificate: x509.Certificate, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end <= now:
        text = "{what} has expired on {day}: clients that check it cannot connect; renew it"
        _log.error(text, what=what, day=f"{end:%Y-%m-%d}")
    elif begin > now:
        text = "{what} is not valid before {day}: clients that check it cannot connect; check the clock"
        _log.error(text, what=what, day=f"{begin:%Y-%m-%d %H:%M} UTC")
    elif end - now < SOON:
        _log.warn("{what} expires on {day}; renew it", what=what, day=f"{end:%Y-%m-%d}")
