"""RC4, for a protocol that has nothing else. It is broken: what is encrypted with it must travel over TLS.

Own code: `cryptography` keeps RC4 for keys of a few fixed lengths only, and here a key has any length
(docs/decisions/0011-innovaphone.md).
"""

from __future__ import annotations

KEY_BYTES = 256
"""Of a longer key the rest makes no difference."""


def rc4(key: bytes, data: bytes) -> bytes:
    """Return the data encrypted, which is the same as decrypted.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        raise ValueError("RC4 needs a key")
    state = _scheduled(key)
    out = bytearray(len(data))
    i = j = 0
    for place, byte in enumerate(data):
        i = (i + 1) & 255
        a = state[i]
        j = (j + a) & 255
        b = state[j]
        state[i], state[j] = b, a
        out[place] = byte ^ state[(a + b) & 255]
    return bytes(out)


def _scheduled(key: bytes) -> list[int]:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    return state
