"""Digests of tokens, which caches and tables store and compare instead of the tokens."""

from __future__ import annotations

from hashlib import blake2b
from secrets import token_bytes

from attrs import field, frozen


@frozen
class TokenDigest:
    """Keyed BLAKE2b digests. Each process creates its own random key, which never leaves it.

    Without the key, an attacker cannot choose a token whose digest shares a prefix with another digest.
    So the duration of a lookup by digest reveals nothing about existing tokens. A cache that outlives
    a lookup stores the digest and not the token.
    """

    key: bytes = field(factory=lambda: token_bytes(32), repr=False)

    def of(self, token: str) -> bytes:
        """Return the digest of a token, 32 bytes. Every `str` is accepted, also with surrogates."""
        return blake2b(token.encode("utf-8", "surrogatepass"), key=self.key, digest_size=32).digest()
