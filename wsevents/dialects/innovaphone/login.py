"""The cryptography of AppWebsocket, for clients and servers: login digest, session key, hash and cipher.

All texts are hashed as UTF-8. The security depends on TLS: an attacker that has seen a digest can guess
the password offline, and the cipher is RC4. `docs/protocol/innovaphone.md` has the formulas.
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
"""RC4 uses the first 256 bytes of seed, colon and key. With a longer seed it would ignore part of the key."""
CHALLENGE_CHARACTERS = 16
_CRLF, _LF = "\r\n", "\n"


def _hashed(text: str) -> str:
    """Return the SHA-256 in lower-case hexadecimal. Raises UnicodeEncodeError, which is a ValueError."""
    return sha256(text.encode("utf-8")).hexdigest()


def equal_digests(one: str, other: str) -> bool:
    """Say whether two hexadecimal digests are equal, in constant time and regardless of case."""
    first, second = (text.lower().encode("utf-8", "replace") for text in (one, other))
    return hmac.compare_digest(first, second)


@frozen
class AppLogin:
    """The fields of a login that the digest covers.

    Attributes:
        app: name of the app on the server.
        domain, sip, guid, dn: identify the user; each may be "".
        info: JSON text of an object, exactly as sent; None: the login has no `info`.
    """

    app: str
    domain: str = ""
    sip: str = ""
    guid: str = ""
    dn: str = ""
    info: str | None = None

    def digest(self, challenge: str, password: str) -> str:
        """Return the digest, 64 hexadecimal digits. Raises ValueError for text that UTF-8 cannot encode."""
        return _hashed(self._text(self.info, challenge, password))

    def digest_matches(self, digest: str, challenge: str, password: str) -> bool:
        """Say whether a digest is correct; each variant that a known client computes is accepted."""
        try:
            digests = [_hashed(text) for text in self._candidates(challenge, password)]
        except ValueError:
            return False
        return any([equal_digests(digest, one) for one in digests])  # noqa: C419 compare all, for constant time

    def _text(self, info: str | None, challenge: str, password: str) -> str:
        optional = () if info is None else (info,)
        return ":".join((self.app, self.domain, self.sip, self.guid, self.dn, *optional, challenge, password))

    def _candidates(self, challenge: str, password: str) -> Iterator[str]:
        """Yield the texts that a client may have hashed: `info` as sent or compact, with CRLF or LF."""
        for info in dict.fromkeys(_info_forms(self.info)):
            text = self._text(info, challenge, password)
            yield text
            if _CRLF in text:
                yield text.replace(_CRLF, _LF)


def _info_forms(info: str | None) -> Iterator[str | None]:
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
    """The key that client and server share after the login: 64 hexadecimal digits, used as text."""

    text: str = field(repr=False)

    @classmethod
    def of(cls, challenge: str, password: str) -> SessionKey:
        """Return the key of a connection. Raises ValueError for text that UTF-8 cannot encode."""
        return cls(_hashed(f"innovaphoneAppSessionKey:{challenge}:{password}"))

    def encrypt(self, seed: str, text: str) -> str:
        """Return the encrypted text as hexadecimal digits.

        Args:
            seed: at most 190 bytes, and different for each call. The other side needs the equal_digests seed.
            text: the text to encrypt.

        Raises:
            ValueError: the seed is too long, or seed or text cannot be encoded as UTF-8.
        """
        return rc4(self._cipher_key(seed), text.encode("utf-8")).hex()

    def decrypt(self, seed: str, data: str) -> str:
        """Return the text that was encrypted with this seed.

        Raises:
            ValueError: `data` is not hexadecimal, or the result is not UTF-8 (wrong seed or key).
        """
        return rc4(self._cipher_key(seed), bytes.fromhex(data)).decode("utf-8")

    def hash(self, seed: str, data: str) -> str:
        """Return a hash that needs the key to compute. Seed and errors are as in `encrypt`."""
        return _hashed(f"{self._seeded(seed)}:{data}")

    def hash_matches(self, seed: str, data: str, given: str) -> bool:
        """Say whether a hash is correct. A client in JavaScript may have hashed LF in place of CRLF."""
        try:
            own = [self.hash(seed, text) for text in (data, data.replace(_CRLF, _LF))]
        except ValueError:
            return False
        return any([equal_digests(given, one) for one in own])  # noqa: C419 compare both, for constant time

    def _seeded(self, seed: str) -> str:
        if len(seed.encode("utf-8")) > SEED_BYTES:
            raise ValueError(f"a seed must not be longer than {SEED_BYTES} bytes")
        return f"{seed}:{self.text}"

    def _cipher_key(self, seed: str) -> bytes:
        return self._seeded(seed).encode("utf-8")


def login_message(login: AppLogin, digest: str, pbx_obj: str = "") -> str:
    """Return the AppLogin message, with `info` unchanged. Raises ValueError if `info` is no JSON object."""
    fields: dict[str, Any] = {"mt": "AppLogin", "app": login.app, "domain": login.domain, "sip": login.sip}
    fields |= {"guid": login.guid, "dn": login.dn, "digest": digest}
    if pbx_obj:
        fields["pbxObj"] = pbx_obj
    text = json.dumps(fields, separators=(",", ":"))
    if login.info is None:
        return text
    parse_parts(login.info)
    return f'{text[:-1]},"info":{login.info}}}'
