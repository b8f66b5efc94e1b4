"""Whether an endpoint string can be used, said in an operator's words before anything starts."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IReactorPluggableNameResolver
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from twisted.internet.interfaces import IHostnameResolver

SERVER_EXAMPLES = (
    "tcp:9502 or ssl:9502:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"
)
CLIENT_EXAMPLES = "tcp:localhost:5672 or tls:rabbitmq.example.org:5671"
HIGHEST_PORT = 65535

_SEPARATOR = re.compile(r"(?<!\\):")


@implementer(IReactorPluggableNameResolver)
class _Deaf:
    """All of a reactor that reading an endpoint string takes; nothing can be done with it."""

    nameResolver: Any = None

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Do nothing; nobody calls it."""
        return resolver


def check_endpoint(string: str) -> None:
    """Check a Twisted server endpoint string, with the key and the certificates that it names.

    Opens no port; reads the files as the gateway will read them.

    Raises:
        ValueError: it cannot be used; the text says why, and what would do.
    """
    kind, arguments, files = _split(string)
    if kind == "tls" and arguments:
        _check_folder(arguments[0])
    if kind == "ssl" and "privateKey" in files:
        files.setdefault("certKey", files["privateKey"])  # one file with both, as Twisted has it
    _check_pair(files.get("privateKey"), files.get("certKey"))
    if "extraCertChain" in files:
        _certificate(files["extraCertChain"])
    _try(serverFromString, string, SERVER_EXAMPLES)
    if kind in {"tcp", "tcp6", "ssl"}:  # of another kind, what its port means is its own affair
        _check_port(files.get("port", arguments), lowest=0)


def certificates(string: str) -> Iterator[tuple[str, x509.Certificate]]:
    """Yield the certificates of a server endpoint string, each with the file that it is in.

    What cannot be read is left out; `check_endpoint` says why.
    """
    kind, arguments, files = _split(string)
    paths = [files[name] for name in ("certKey", "privateKey") if name in files][:1]
    if kind == "tls" and arguments:
        paths = sorted(str(path) for path in Path(arguments[0]).glob("*.pem"))
    for path in paths:
        with suppress(ValueError):
            yield path, _certificate(path)


def check_client_endpoint(string: str) -> None:
    """Check a Twisted client endpoint string, with the files that it names. Connects to nothing.

    Raises:
        ValueError: it cannot be used; the text says why, and what would do.
    """
    kind, arguments, files = _split(string)
    _check_pair(files.get("privateKey"), files.get("certificate") or files.get("certKey"))
    for name in {"trustRoots", "caCertsDir"} & set(files):
        _check_folder(files[name])
    _try(clientFromString, string, CLIENT_EXAMPLES)
    if kind in {"tcp", "ssl", "tls"}:
        host, *others = [files["host"], *arguments] if "host" in files else arguments
        if not host:
            raise ValueError(f"names no host; write it like {CLIENT_EXAMPLES}")
        _check_port(files.get("port", others), lowest=1)


def _split(string: str) -> tuple[str, list[str], dict[str, str]]:
    """Return an endpoint string's kind, arguments by position and arguments by name."""
    kind, *parts = (re.sub(r"\\(.)", r"\1", part) for part in _SEPARATOR.split(string))
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    return kind, [part for part in parts if "=" not in part], named


def _try(parse: Callable[[Any, str], object], string: str, examples: str) -> None:
    """Have Twisted read an endpoint string."""
    try:
        parse(_Deaf(), string)
    except OSError as error:
        raise ValueError(
            f"cannot read {error.filename or 'a file that it names'}: {error.strerror}"
        ) from None
    except Exception as error:  # noqa: BLE001 a parser, also a plugin's, raises whatever it likes
        said = re.sub(r"^[\w.]+\(\) ", "", str(error)) or type(error).__name__
        raise ValueError(f"is not an endpoint that can be used ({said}); write it like {examples}") from None


def _check_port(given: str | Sequence[str], lowest: int) -> None:
    """Check the port, by its name or first of the arguments; Twisted has seen that it is a whole number."""
    port = int(given if isinstance(given, str) else given[0])
    if not lowest <= port <= HIGHEST_PORT:
        raise ValueError(f"has port {port}; it must be from {lowest} to {HIGHEST_PORT}")


def _check_folder(path: str) -> None:
    if not path or not Path(path).is_dir():  # "" would be the working directory
        raise ValueError(f"{path or 'what it names'} is not a folder; it must be one that holds *.pem files")


def _check_pair(key_path: str | None, certificate_path: str | None) -> None:
    """Say which file is at fault, or that the two do not belong together.

    Before Twisted reads them: pyOpenSSL's errors name no file, and it asks the terminal for the
    passphrase of an encrypted key.
    """
    certificate = _certificate(certificate_path) if certificate_path else None
    if not key_path:
        return
    content = _content(key_path)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):  # TypeError: it needs a passphrase
        raise ValueError(f"{key_path} must be a private key in PEM format, not encrypted") from None
    if certificate and certificate.public_key() != key.public_key():
        raise ValueError(f"the private key {key_path} does not belong to the certificate {certificate_path}")


def _certificate(path: str) -> x509.Certificate:
    content = _content(path)
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except ValueError:
        raise ValueError(f"{path} must be a certificate in PEM format") from None


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
