"""What innovaphone's AppWebsocket computes at both ends: login digest, session key, and what the key is for.

All texts are hashed as UTF-8. None of it is worth more than the TLS around it: the digest can be guessed
offline by whoever saw it, the cipher is RC4. docs/protocol/innovaphone.md has the formulas.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from wsevents.core.json_members import parse_parts
from wsevents.dialects.innovaphone.rc4 import rc4

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED_BYTES = 190
"""RC4 looks at 256 bytes of seed, colon and the key's 64: a longer seed would hide the key."""
CHALLENGE_CHARACTERS = 16
_CRLF, _LF = "\r\n", "\n"


def _hashed(text: str) -> str:
    """Return the SHA-256 in lower-case hexadecimal. Raises UnicodeEncodeError, a ValueError."""
    return sha256(text.encode("utf-8")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two digests in a time that does not tell how far they agree; upper case counts as lower."""
    first, second = (text.lower().encode("utf-8", "replace") for text in (one, other))
    return hmac.compare_digest(first, second)


@frozen
class AppLogin:
    """Who logs in where, as the digest covers it.

    Attributes:
        app: name of the app at the remote end.
        domain, sip, guid, dn: the user; any may be "".
        info: JSON text of an object, exactly as it travels; None: there is none.
    """

    app: str
    domain: str = ""
    sip: str = ""
    guid: str = ""
    dn: str = ""
    info: str | None = None

    def digest(self, challenge: str, password: str) -> str:
        """Return the digest, 64 hexadecimal digits. Raises ValueError for text that UTF-8 cannot hold."""
        return _hashed(self._text(self.info, challenge, password))

    def answers(self, digest: str, challenge: str, password: str) -> bool:
        """Say whether this is its digest, in any of the ways in which clients are known to compute it."""
        try:
            digests = [_hashed(text) for text in self._texts(challenge, password)]
        except ValueError:
            return False
        return any([same(digest, one) for one in digests])  # noqa: C419 always all of them: it takes as long

    def _text(self, info: str | None, challenge: str, password: str) -> str:
        told = () if info is None else (info,)
        return ":".join((self.app, self.domain, self.sip, self.guid, self.dn, *told, challenge, password))

    def _texts(self, challenge: str, password: str) -> Iterator[str]:
        """Yield what may have been hashed: info as it came or written compactly, JavaScript's line ends."""
        for info in dict.fromkeys(_spellings(self.info)):
            text = self._text(info, challenge, password)
            yield text
            if _CRLF in text:
                yield text.replace(_CRLF, _LF)


def _spellings(info: str | None) -> Iterator[str | None]:
    yield info
    if info is None:
        return
    try:
        value = json.loads(info)
        yield None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return


@frozen
class SessionKey:
    """What the two ends of a logged-in connection share: 64 hexadecimal digits, used as text."""

    text: str = field(repr=False)

    @classmethod
    def of(cls, challenge: str, password: str) -> SessionKey:
        """Return the key of a connection. Raises ValueError for text that UTF-8 cannot hold."""
        return cls(_hashed(f"innovaphoneAppSessionKey:{challenge}:{password}"))

    def encrypt(self, seed: str, text: str) -> str:
        """Return the text encrypted, as hexadecimal digits.

        Args:
            seed: different for each call, at most 190 bytes; the other end needs it too.
            text: any.

        Raises:
            ValueError: the seed is too long, or UTF-8 cannot hold one of the two.
        """
        return rc4(self._cipher_key(seed), text.encode("utf-8")).hex()

    def decrypt(self, seed: str, data: str) -> str:
        """Return what was encrypted with this seed.

        Raises:
            ValueError: it is no hexadecimal, or what comes out is no text: another seed or another key.
        """
        return rc4(self._cipher_key(seed), bytes.fromhex(data)).decode("utf-8")

    def hash(self, seed: str, data: str) -> str:
        """Return a hash that only the two ends can make; `seed` as for `encrypt`. Raises as there."""
        return _hashed(f"{self._seeded(seed)}:{data}")

    def made(self, seed: str, data: str, given: str) -> bool:
        """Say whether the other end has made this hash; one in JavaScript takes a CRLF for an LF."""
        try:
            own = [self.hash(seed, text) for text in (data, data.replace(_CRLF, _LF))]
        except ValueError:
            return False
        return any([same(given, one) for one in own])  # noqa: C419 always both

    def _seeded(self, seed: str) -> str:
        if len(seed.encode("utf-8")) > SEED_BYTES:
            raise ValueError(f"a seed must not be longer than {SEED_BYTES} bytes")
        return f"{seed}:{self.text}"

    def _cipher_key(self, seed: str) -> bytes:
        return self._seeded(seed).encode("utf-8")


def login_message(login: AppLogin, digest: str, pbx_obj: str = "") -> str:
    """Return the AppLogin message, with `info` as it is. Raises ValueError when that is no JSON object."""
    fields: dict[str, Any] = {"mt": "AppLogin", "app": login.app, "domain": login.domain, "sip": login.sip}
    fields |= {"guid": login.guid, "dn": login.dn, "digest": digest}
    if pbx_obj:
        fields["pbxObj"] = pbx_obj
    text = json.dumps(fields, separators=(",", ":"))
    if login.info is None:
        return text
    parse_parts(login.info)
    return f'{text[:-1]},"info":{login.info}}}'
