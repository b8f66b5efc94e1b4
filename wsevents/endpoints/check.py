"""Endpoint strings: what they mean, and whether they can be used, said in an operator's words.

They are Twisted's, but for one thing: `systemd:domain=INET:index=0`, which listens where systemd does
already, may be followed by the `privateKey=`, `certKey=` and `extraCertChain=` of `ssl:`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorPluggableNameResolver, IStreamServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from wsevents.endpoints.strings import apart, split
from wsevents.endpoints.tls_client import client_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IHostnameResolver, IListeningPort, IProtocolFactory

SERVER_EXAMPLES = (
    "tcp:9502 or ssl:9502:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"
)
CLIENT_EXAMPLES = "tcp:localhost:5672 or tls:rabbitmq.example.org:5671"
SYSTEMD_EXAMPLES = (
    "systemd:domain=INET:index=0:privateKey=/etc/wsevents/ssl/server.key:certKey=/etc/wsevents/ssl/server.crt"
)
HIGHEST_PORT = 65535
PORCH = "haproxy:"
"""What an endpoint string begins with whose peers come by a proxy that says so before all else."""


@implementer(IReactorPluggableNameResolver)
class _Deaf:
    """All of a reactor that reading an endpoint string takes; nothing can be done with it."""

    nameResolver: Any = None

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Do nothing; nobody calls it."""
        return resolver


def has_porch(string: str) -> bool:
    """Say whether proxies for TCP connect to an endpoint, each with a header of the PROXY protocol."""
    return string.startswith(PORCH)


def within_porch(string: str) -> str:
    """Return an endpoint string without that: what Twisted is to listen on."""
    return string.removeprefix(PORCH)


class _Eavesdropper(_Deaf):
    """Hears which TLS an `ssl:` endpoint would listen with."""

    context: Any = None

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, *_: Any, **__: Any) -> None:
        """Listen nowhere."""
        self.context = contextFactory


@implementer(IStreamServerEndpoint)
@frozen
class _Covered:
    """What systemd listens on, with TLS around it as an `ssl:` endpoint has it."""

    bare: IStreamServerEndpoint
    secure: str

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        ear = _Eavesdropper()
        serverFromString(ear, self.secure).listen(factory)
        return self.bare.listen(TLSMemoryBIOFactory(ear.context, False, factory))


def server_endpoint(reactor: Any, string: str) -> IStreamServerEndpoint:
    """Return the endpoint of a string that `check_endpoint` lets pass.

    Raises:
        ValueError: systemd has passed no such socket.
    """
    if not _is_systemd(string):
        endpoint: IStreamServerEndpoint = serverFromString(reactor, string)
        return endpoint
    plain, _ = apart(string)
    try:
        bare: IStreamServerEndpoint = serverFromString(reactor, plain)
    except LookupError:
        raise ValueError(
            "systemd has passed no such socket to this process; enable it with "
            "`systemctl enable --now wsevents.socket` and restart the service"
        ) from None
    return bare if plain == string else _Covered(bare, unbound(string))


def unbound(string: str) -> str:
    """Return an endpoint string for who only wants to know what would be around a factory there.

    What systemd has passed can be listened on once, and by one process: `ssl:` and `tcp:` say the same.
    """
    if not _is_systemd(within_porch(string)):
        return string
    _, files = apart(string)
    return PORCH * has_porch(string) + ":".join(["ssl" if files else "tcp", "0", *files])


def _is_systemd(string: str) -> bool:
    return string.startswith("systemd:")


def check_endpoint(string: str) -> None:
    """Check a Twisted server endpoint string, with the key and the certificates that it names.

    Opens no port; reads the files as the gateway will read them.

    Raises:
        ValueError: it cannot be used; the text says why, and what would do.
    """
    string = within_porch(string)
    if has_porch(string):
        raise ValueError(f"begins with {PORCH} twice; once is enough")
    kind, arguments, files = split(string)
    if kind == "tls" and arguments:
        _check_folder(arguments[0])
    if kind in {"ssl", "systemd"} and "privateKey" in files:
        files.setdefault("certKey", files["privateKey"])  # one file with both, as Twisted has it
    _check_pair(files.get("privateKey"), files.get("certKey"))
    if "extraCertChain" in files:
        _certificate(files["extraCertChain"])
    if kind == "systemd":  # which sockets there are is only known when it listens
        _check_systemd(arguments, files)
        return
    _try(serverFromString, string, SERVER_EXAMPLES)
    if kind in {"tcp", "tcp6", "ssl"}:  # of another kind, what its port means is its own affair
        _check_port(files.get("port", arguments), lowest=0)


def check_client_endpoint(string: str) -> None:
    """Check a Twisted client endpoint string, with the files that it names. Connects to nothing.

    Raises:
        ValueError: it cannot be used; the text says why, and what would do.
    """
    kind, arguments, files = split(string)
    _check_pair(files.get("privateKey"), files.get("certificate") or files.get("certKey"))
    for name in {"trustRoots", "caCertsDir"} & set(files):
        _check_folder(files[name])
    _try(client_endpoint, string, CLIENT_EXAMPLES)
    if kind in {"tcp", "ssl", "tls"}:
        host, *others = [files["host"], *arguments] if "host" in files else arguments
        if not host:
            raise ValueError(f"names no host; write it like {CLIENT_EXAMPLES}")
        _check_port(files.get("port", others), lowest=1)


@frozen
class Shown:
    """A certificate that a listener shows: its own, or one of those that lead from there to a known one."""

    file: str
    certificate: x509.Certificate
    own: bool


def certificates(string: str) -> list[Shown]:
    """Return the certificates that a server endpoint string, one that was checked, has shown to clients.

    Raises:
        ValueError: a file cannot be read any more.
    """
    kind, arguments, files = split(within_porch(string))
    if kind == "tls" and arguments:
        return [one for file in sorted(Path(arguments[0]).glob("*.pem")) for one in _chain(str(file), own=1)]
    if kind != "ssl" and "privateKey" not in files:
        return []
    own = _chain(files.get("certKey") or files.get("privateKey") or "server.pem", own=1)[:1]
    return own + (_chain(files["extraCertChain"], own=0) if "extraCertChain" in files else [])


def _chain(file: str, own: int) -> list[Shown]:
    """Return the certificates of a file, of which the first so many are a listener's own."""
    found = x509.load_pem_x509_certificates(_content(file))
    return [Shown(file, certificate, number < own) for number, certificate in enumerate(found)]


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


def _check_systemd(arguments: list[str], named: dict[str, str]) -> None:
    """Check which of systemd's sockets is meant, and that TLS has a key if it has anything."""
    which = [name for name in ("index", "name") if name in named]
    rest = set(named) - {"domain", "index", "name", "privateKey", "certKey", "extraCertChain"}
    if (
        arguments
        or rest
        or len(which) != 1
        or named.get("domain") not in {"INET", "INET6", "UNIX"}
        or not re.fullmatch("[0-9]{1,4}", named.get("index", "0"))
        or ("privateKey" not in named and {"certKey", "extraCertChain"} & set(named))
    ):
        raise ValueError(f"is not a socket of systemd's that can be used; write it like {SYSTEMD_EXAMPLES}")


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
