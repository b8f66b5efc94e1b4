"""Password hashes and their text form in the configuration: `scrypt$N$R$P$SALT$DIGEST`.

N, R and P are the cost parameters of scrypt (RFC 7914 section 2). Salt and digest are base64.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import scrypt
from hmac import compare_digest

from attrs import field, frozen

N, R, P = 16384, 8, 5
"""Cost parameters of a new hash: OWASP's recommendation with the least memory, 16 MiB; about 0.2 s."""
SALT_BYTES = 16
"""Bytes of a new salt."""
DIGEST_BYTES = 32
"""Bytes of a new digest."""

MEMORY_MAX = 256 * 1024 * 1024
"""Most bytes of memory for one hash, 128 * N * R."""
WORK_MAX = 4 * 1024 * 1024
"""Largest N * R * P, about one second of work."""

SALT_MIN = 8
"""Least bytes of a salt."""
DIGEST_SIZES = range(16, 65)
"""Permitted sizes of a digest, in bytes."""

_FORM = re.compile(r"scrypt\$(\d{1,9})\$(\d{1,4})\$(\d{1,4})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)")
_WANTED = "must be a hash that `wsevents hash-password` made"


@frozen
class ScryptHash:
    """The hash of one password, with its salt and cost parameters."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @property
    def memory(self) -> int:
        """Bytes of memory that the computation needs."""
        return 128 * self.r * (self.n + self.p + 2)

    def text(self) -> str:
        """Return the text form."""
        costs = f"scrypt${self.n}${self.r}${self.p}"
        return f"{costs}${b64encode(self.salt).decode()}${b64encode(self.digest).decode()}"


def parse(text: str) -> ScryptHash:
    """Parse the text form of a hash.

    Raises:
        ValueError: the text is not a hash, or its costs are out of range. The message does not quote it.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(_WANTED)
    n, r, p = (int(cost) for cost in match.groups()[:3])
    try:
        salt, digest = (b64decode(part, validate=True) for part in match.groups()[3:])
    except ValueError:
        raise ValueError(_WANTED) from None
    possible = n > 1 and n.bit_count() == 1 and r and p
    if not possible or len(salt) < SALT_MIN or len(digest) not in DIGEST_SIZES:
        raise ValueError(_WANTED)
    if 128 * n * r > MEMORY_MAX or n * r * p > WORK_MAX:
        raise ValueError("costs too much to compute at each login: make it with the default costs")
    return ScryptHash(n, r, p, salt, digest)


def derive(password: str, parameters: ScryptHash) -> bytes:
    """Return the digest of a password with salt, costs and digest size of a hash. Blocks meanwhile."""
    return scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=parameters.salt,
        n=parameters.n,
        r=parameters.r,
        p=parameters.p,
        maxmem=2 * parameters.memory,
        dklen=len(parameters.digest),
    )


def matches(password: str, stored: ScryptHash) -> bool:
    """Return whether a hash is that of the password. Blocks for the computation of one hash."""
    return compare_digest(derive(password, stored), stored.digest)


def make(password: str, salt: bytes) -> ScryptHash:
    """Return the hash of a password. The caller passes a new random salt. Blocks as `matches` does."""
    return ScryptHash(N, R, P, salt, derive(password, ScryptHash(N, R, P, salt, bytes(DIGEST_BYTES))))
