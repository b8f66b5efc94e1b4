"""Hashes of passwords, as text in the configuration: `scrypt$N$R$P$SALT$DIGEST`.

N, R and P are the costs of scrypt (RFC 7914 section 2), salt and digest are base64.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import scrypt
from hmac import compare_digest

from attrs import field, frozen

N, R, P = 16384, 8, 5
"""Costs of a new hash: OWASP's recommendation with the least memory, 16 MiB; about 0.2 s."""
SALT_BYTES = 16
"""Bytes of a new salt."""
DIGEST_BYTES = 32
"""Bytes of a new digest."""

MEMORY_MAX = 256 * 1024 * 1024
"""Bytes that one hash may need: 128 * N * R."""
WORK_MAX = 4 * 1024 * 1024
"""N * R * P: about a second."""

SALT_MIN = 8
"""Bytes of the shortest salt."""
DIGEST_SIZES = range(16, 65)
"""Bytes of a digest."""

_FORM = re.compile(r"scrypt\$(\d{1,9})\$(\d{1,4})\$(\d{1,4})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)")
_WANTED = "must be a hash that `wsevents hash-password` made"


@frozen
class ScryptHash:
    """The hash of one password, with all that is needed to compute it again."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @property
    def memory(self) -> int:
        """Bytes that computing it takes."""
        return 128 * self.r * (self.n + self.p + 2)

    def text(self) -> str:
        """Return it as it stands in the configuration."""
        costs = f"scrypt${self.n}${self.r}${self.p}"
        return f"{costs}${b64encode(self.salt).decode()}${b64encode(self.digest).decode()}"


def parse(text: str) -> ScryptHash:
    """Return the hash that a text of the configuration is.

    Raises:
        ValueError: it is none, or one that costs nothing or too much; the text quotes nothing of it.
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


def derive(password: str, form: ScryptHash) -> bytes:
    """Return the digest of a password with the costs, the salt and the length of a hash; blocks meanwhile."""
    return scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=form.salt,
        n=form.n,
        r=form.r,
        p=form.p,
        maxmem=2 * form.memory,
        dklen=len(form.digest),
    )


def matches(password: str, form: ScryptHash) -> bool:
    """Return whether the hash is of this password; blocks for as long as one hash takes."""
    return compare_digest(derive(password, form), form.digest)


def make(password: str, salt: bytes) -> ScryptHash:
    """Return the hash of a password; the salt must be new and random."""
    return ScryptHash(N, R, P, salt, derive(password, ScryptHash(N, R, P, salt, bytes(DIGEST_BYTES))))
