"""Fingerprints of tokens: what is kept, looked up and compared in place of a token."""

from __future__ import annotations

from hashlib import blake2b
from secrets import token_bytes

from attrs import field, frozen


@frozen
class TokenDigest:
    """Keyed digests, with a key that is made anew in each process and never leaves it.

    Who does not know the key cannot choose a token whose digest begins like another's, so the time
    that a look-up by digest takes tells nothing about the tokens that exist; and what is kept for
    longer than a question lasts is not the token.
    """

    key: bytes = field(factory=lambda: token_bytes(32), repr=False)

    def of(self, token: str) -> bytes:
        """Return the digest of a token, 32 bytes. Takes any text."""
        return blake2b(token.encode("utf-8", "surrogatepass"), key=self.key, digest_size=32).digest()
