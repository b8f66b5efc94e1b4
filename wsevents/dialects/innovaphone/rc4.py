"""The RC4 cipher, which AppWebsocket requires. RC4 is broken: use it only inside a TLS connection.

This module exists because `cryptography` supports RC4 keys of some fixed lengths only, and AppWebsocket
has keys of any length (docs/decisions/0011-innovaphone.md).
"""

from __future__ import annotations

KEY_BYTES = 256
"""RC4 ignores the bytes of a key after these."""


def rc4(key: bytes, data: bytes) -> bytes:
    """Return the data encrypted; the same call decrypts.

    Raises:
        ValueError: the key is empty.
    """
    if not key:
        raise ValueError("RC4 needs a key")
    state = _scheduled(key)
    out = bytearray(len(data))
    i = j = 0
    for position, byte in enumerate(data):
        i = (i + 1) & 255
        a = state[i]
        j = (j + a) & 255
        b = state[j]
        state[i], state[j] = b, a
        out[position] = byte ^ state[(a + b) & 255]
    return bytes(out)


def _scheduled(key: bytes) -> list[int]:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    return state
