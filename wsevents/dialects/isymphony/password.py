"""Makes the hash of a password, and compares one: `python -m wsevents.dialects.isymphony.password`.

The command asks for the password, or takes the first line of its input, and prints what `password_hash`
is to be. It takes no password as an argument: everybody on the machine could read it there.
"""

from __future__ import annotations

import sys
from getpass import getpass
from hashlib import scrypt
from hmac import compare_digest
from secrets import token_bytes

from wsevents.dialects.isymphony.scrypt import ScryptHash

N, R, P = 16384, 8, 5
"""Costs of OWASP's recommendation with the least memory, 16 MiB: some 0.2 s."""
DIGEST_BYTES = 32


def derive(password: str, form: ScryptHash) -> bytes:
    """Return the digest of a password with the costs, the salt and the length of another's."""
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
    """Say whether it is the password; blocks for as long as a hash takes."""
    return compare_digest(derive(password, form), form.digest)


def make(password: str) -> ScryptHash:
    """Return the hash of a password, with a new salt."""
    form = ScryptHash(N, R, P, token_bytes(16), bytes(DIGEST_BYTES))
    return ScryptHash(N, R, P, form.salt, derive(password, form))


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise SystemExit("These were two different passwords.")
    return password


def main() -> None:
    """Ask for a password and print its hash.

    Raises:
        SystemExit: there is none.
    """
    if len(sys.argv) > 1:
        raise SystemExit("This takes no arguments; it asks for the password, or reads it from its input.")
    password = _ask()
    if not password:
        raise SystemExit("The password must not be empty.")
    print(make(password).text())  # noqa: T201 it is a command


if __name__ == "__main__":
    main()
