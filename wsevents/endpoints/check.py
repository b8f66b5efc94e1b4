"""Parse and check the endpoint strings of the configuration, with error messages for operators.

The syntax is Twisted's, with two additions:

* A `systemd:` string, such as `systemd:domain=INET:index=0`, listens on a socket that systemd passes. It
  may also have the parts `privateKey=`, `certKey=` and `extraCertChain=` of an `ssl:` string.
* The prefix `haproxy:` means that clients connect through proxies that send a PROXY protocol header.
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

from wsevents.endpoints.strings import split, split_tls_files
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
PROXY_PREFIX = "haproxy:"
"""Prefix of an endpoint string whose clients connect through proxies that send a PROXY header."""


@implementer(IReactorPluggableNameResolver)
class _NullReactor:
    """The part of a reactor that Twisted's parser of endpoint strings needs. It cannot listen or connect."""

    nameResolver: Any = None

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Return the resolver; required by the interface and not called."""
        return resolver


def is_proxied(string: str) -> bool:
    """Return whether an endpoint string has the prefix `haproxy:`."""
    return string.startswith(PROXY_PREFIX)


def without_proxy_prefix(string: str) -> str:
    """Return an endpoint string without the prefix `haproxy:`, in Twisted's syntax."""
    return string.removeprefix(PROXY_PREFIX)


class _TlsRecorder(_NullReactor):
    """Records the TLS context factory of an `ssl:` endpoint instead of listening."""

    context: Any = None

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, *_: Any, **__: Any) -> None:
        self.context = contextFactory


@implementer(IStreamServerEndpoint)
@frozen
class _SystemdTlsEndpoint:
    """An endpoint of a systemd socket with TLS.

    Attributes:
        bare: endpoint of the socket, without TLS.
        secure: `ssl:` string with the same key and certificates.
    """

    bare: IStreamServerEndpoint
    secure: str

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        recorder = _TlsRecorder()
        serverFromString(recorder, self.secure).listen(factory)
        return self.bare.listen(TLSMemoryBIOFactory(recorder.context, False, factory))


def server_endpoint(reactor: Any, string: str) -> IStreamServerEndpoint:
    """Return the endpoint of a string that `check_endpoint` has accepted.

    Raises:
        ValueError: systemd has not passed this socket.
    """
    if not _is_systemd(string):
        endpoint: IStreamServerEndpoint = serverFromString(reactor, string)
        return endpoint
    plain, _ = split_tls_files(string)
    try:
        bare: IStreamServerEndpoint = serverFromString(reactor, plain)
    except LookupError:
        raise ValueError(
            "systemd has not passed this socket to the process; enable it with "
            "`systemctl enable --now wsevents.socket` and restart the service"
        ) from None
    return bare if plain == string else _SystemdTlsEndpoint(bare, without_socket(string))


def without_socket(string: str) -> str:
    """Return an endpoint string with the same protocol layers that needs no socket from systemd.

    A caller uses it to learn which TLS and PROXY layers wrap a factory. A systemd socket can be listened on
    only once, by one process. Therefore `systemd:` becomes `ssl:` or `tcp:` with port 0.
    """
    if not _is_systemd(without_proxy_prefix(string)):
        return string
    _, files = split_tls_files(string)
    return PROXY_PREFIX * is_proxied(string) + ":".join(["ssl" if files else "tcp", "0", *files])


def _is_systemd(string: str) -> bool:
    return string.startswith("systemd:")


def check_endpoint(string: str) -> None:
    """Check a server endpoint string, with the key and the certificates that it names.

    Opens no port. Reads the files like the gateway will.

    Raises:
        ValueError: the string is unusable; the text gives the reason and the remedy.
    """
    string = without_proxy_prefix(string)
    if is_proxied(string):
        raise ValueError(f"begins with {PROXY_PREFIX} twice; write it once")
    kind, arguments, files = split(string)
    if kind == "tls" and arguments:
        _check_folder(arguments[0])
    if kind in {"ssl", "systemd"} and "privateKey" in files:
        files.setdefault("certKey", files["privateKey"])  # Twisted reads both from one file
    _check_pair(files.get("privateKey"), files.get("certKey"))
    if "extraCertChain" in files:
        _certificate(files["extraCertChain"])
    if kind == "systemd":  # the sockets are known only when the gateway listens
        _check_systemd(arguments, files)
        return
    _try(serverFromString, string, SERVER_EXAMPLES)
    if kind in {"tcp", "tcp6", "ssl"}:  # other kinds define the meaning of their port
        _check_port(files.get("port", arguments), lowest=0)


def check_client_endpoint(string: str) -> None:
    """Check a client endpoint string, with the files that it names. Does not connect.

    Raises:
        ValueError: the string is unusable; the text gives the reason and the remedy.
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
class ListenerCertificate:
    """A certificate that a listener sends to clients.

    Attributes:
        file: path of the PEM file.
        certificate: the certificate.
        own: whether it is the listener's own certificate; otherwise it belongs to the chain.
    """

    file: str
    certificate: x509.Certificate
    own: bool


def certificates(string: str) -> list[ListenerCertificate]:
    """Return the certificates that a listener sends to clients.

    Args:
        string: a server endpoint string that `check_endpoint` has accepted.

    Raises:
        ValueError: a file is no longer readable.
    """
    kind, arguments, files = split(without_proxy_prefix(string))
    if kind == "tls" and arguments:
        return [one for file in sorted(Path(arguments[0]).glob("*.pem")) for one in _chain(str(file), own=1)]
    if kind != "ssl" and "privateKey" not in files:
        return []
    own = _chain(files.get("certKey") or files.get("privateKey") or "server.pem", own=1)[:1]
    return own + (_chain(files["extraCertChain"], own=0) if "extraCertChain" in files else [])


def _chain(file: str, own: int) -> list[ListenerCertificate]:
    """Return the certificates of a file. The first `own` ones are marked as a listener's own."""
    found = x509.load_pem_x509_certificates(_content(file))
    return [ListenerCertificate(file, certificate, number < own) for number, certificate in enumerate(found)]


def _try(parse: Callable[[Any, str], object], string: str, examples: str) -> None:
    """Parse an endpoint string with Twisted; raise each error as a ValueError for operators."""
    try:
        parse(_NullReactor(), string)
    except OSError as error:
        raise ValueError(
            f"cannot read {error.filename or 'a file that it names'}: {error.strerror}"
        ) from None
    except Exception as error:  # noqa: BLE001 a plug-in's parser may raise any exception
        reason = re.sub(r"^[\w.]+\(\) ", "", str(error)) or type(error).__name__
        raise ValueError(f"is not a usable endpoint ({reason}); write it like {examples}") from None


def _check_systemd(arguments: list[str], named: dict[str, str]) -> None:
    """Check that the string names one systemd socket, and a key if it names certificates."""
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
        raise ValueError(f"is not a usable systemd socket; write it like {SYSTEMD_EXAMPLES}")


def _check_port(given: str | Sequence[str], lowest: int) -> None:
    """Check the range of a port: a text, or the first argument. Twisted has parsed it as an int."""
    port = int(given if isinstance(given, str) else given[0])
    if not lowest <= port <= HIGHEST_PORT:
        raise ValueError(f"has port {port}; it must be from {lowest} to {HIGHEST_PORT}")


def _check_folder(path: str) -> None:
    if not path or not Path(path).is_dir():  # Path("") is the working directory
        raise ValueError(f"{path or 'an empty path'} is not a folder; name a folder with *.pem files")


def _check_pair(key_path: str | None, certificate_path: str | None) -> None:
    """Check a private key and a certificate, and that they match.

    This check runs before Twisted reads the files. pyOpenSSL's errors name no file, and pyOpenSSL asks on
    the terminal for the passphrase of an encrypted key.
    """
    certificate = _certificate(certificate_path) if certificate_path else None
    if not key_path:
        return
    content = _content(key_path)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError):  # TypeError: the key is encrypted
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
