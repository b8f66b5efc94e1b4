"""No outgoing TLS connection sends a byte to a server whose certificate is not for its host."""

import ast
import contextlib
import re
import sys
from pathlib import Path

import pytest
import pytest_twisted
from attrs import frozen
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, quoteStringArgument
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from tests.support.certificates import Authority, certificate
from wsevents.api.errors import BusError
from wsevents.auth import wazo as wazo_auth
from wsevents.auth.http_client import HttpClient, UnreachableError
from wsevents.buses.amqp.client import AmqpLogin
from wsevents.buses.amqp.dialer import Dialer, broker_addresses
from wsevents.cli.tail import TailSession
from wsevents.cli.tail import _tls as tail_tls
from wsevents.client import AppWebsocketClient, WazoClient
from wsevents.dialects.voipbin import authority
from wsevents.endpoints import tls_client
from wsevents.endpoints.tls_client import (
    CertificateRefusedError,
    Fault,
    check_host,
    client_endpoint,
    tls_for,
    trust_in,
)

ROOT = Path(__file__).parents[2]
CA, OTHER_CA = Authority(), Authority()
EXPIRED_CA = Authority(days=(-60, -1))
HOST = "a.wsevents.test"
SAN = ExtensionOID.SUBJECT_ALTERNATIVE_NAME


# -- certificates


@frozen
class Kind:
    """A certificate, the host it is shown for, and why it is refused; None: it is accepted."""

    host: str
    make: object
    refused: str | None = None


def issued(*names, ca=CA, **options):
    return lambda: ca.issue(*names, **options)


def unnamed(common):
    return issued(common=common, extensions=[])


def raw(content):
    """Return a maker of certificates whose subjectAltName is these bytes."""
    return issued(extensions=[x509.UnrecognizedExtension(SAN, content)])


def dns(*names):
    """Return a subjectAltName in DER (RFC 5280, section 4.2.1.6) of DNS names that may be any bytes."""
    content = b"".join(bytes([0x82, len(name)]) + name for name in names)
    return b"\x30\x81" + bytes([len(content)]) + content


USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
GARBLED = x509.UnrecognizedExtension(ExtensionOID.CERTIFICATE_POLICIES, b"\x30\x03\x01")
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
NO_NAME = "it has no subjectAltName"
NO_USABLE_NAME = "its subjectAltName has no usable host name or address"
NOT_TRUSTED = "it is not signed by a trusted CA"

KINDS = {
    "good": Kind("localhost", issued("localhost")),
    "good among others": Kind("localhost", issued("elsewhere.test", "localhost", "127.0.0.9")),
    "upper case in the certificate": Kind("localhost", issued("LOCALHOST")),
    "upper case in the host": Kind("LOCALHOST", issued("localhost")),
    "a dot at the end of the host": Kind(f"{HOST}.", issued(HOST)),
    "an internationalized name": Kind("xn--bcher-kva.wsevents.test", issued("xn--bcher-kva.wsevents.test")),
    "an IPv4 address": Kind("127.0.0.1", issued("127.0.0.1")),
    "an IPv6 address": Kind("::1", issued("::1")),
    "a wildcard": Kind(HOST, issued("*.wsevents.test")),
    "a good name beside invalid names": Kind(HOST, issued("*.*.test", "*", "1.2.3.4.", "", HOST)),
    "a good name beside an odd URI": Kind(
        HOST, issued(x509.UniformResourceIdentifier("https://a.test:1/"), HOST)
    ),
    "an unknown extension": Kind(
        HOST, issued(extensions=[UNKNOWN, x509.SubjectAlternativeName([x509.DNSName(HOST)])])
    ),
    "no subjectAltName": Kind("localhost", unnamed("localhost"), NO_NAME),
    "no subjectAltName, for an address": Kind("127.0.0.1", unnamed("127.0.0.1"), NO_NAME),
    "an empty subjectAltName": Kind("localhost", issued(common="localhost"), NO_USABLE_NAME),
    "an e-mail address only": Kind("localhost", issued(x509.RFC822Name("a@localhost")), NO_USABLE_NAME),
    "a URI only": Kind(
        "localhost", issued(x509.UniformResourceIdentifier("https://localhost")), NO_USABLE_NAME
    ),
    "another name": Kind(
        "localhost", issued("elsewhere.test", common="localhost"), "it is for elsewhere.test and not for"
    ),
    "a longer name": Kind("localhost", issued("localhost.elsewhere.test"), "and not for localhost"),
    "another IPv4 address": Kind("127.0.0.1", issued("127.0.0.2"), "it is for 127.0.0.2 and not for"),
    "another IPv6 address": Kind("::1", issued("::2"), "it is for ::2 and not for ::1"),
    "a name for an address": Kind("127.0.0.1", issued("localhost"), "it is for localhost and not for"),
    "an address for a name": Kind("localhost", issued("127.0.0.1"), "it is for 127.0.0.1 and not for"),
    "an address written as a name": Kind("127.0.0.1", issued(x509.DNSName("127.0.0.1")), NO_USABLE_NAME),
    "a wildcard for two labels": Kind(f"b.{HOST}", issued("*.wsevents.test"), "it is for *.wsevents.test"),
    "a wildcard for no label": Kind("wsevents.test", issued("*.wsevents.test"), "it is for *.wsevents.test"),
    "a wildcard of all": Kind("localhost", issued("*"), NO_USABLE_NAME),
    "a wildcard of a top-level domain": Kind("wsevents.test", issued("*.test"), NO_USABLE_NAME),
    "a wildcard that is not first": Kind(HOST, issued("a.*.test"), NO_USABLE_NAME),
    "a wildcard in a label": Kind(HOST, issued("a*.wsevents.test"), "it is for a*.wsevents.test"),
    "a wildcard for an address": Kind("127.0.0.1", issued("*.0.0.1"), NO_USABLE_NAME),
    "NUL in the name": Kind("localhost", raw(dns(b"localhost\0.elsewhere.test")), ""),
    "bytes beyond ASCII in the name": Kind("localhost", raw(dns(b"localhost\xff")), ""),
    "an address of five bytes": Kind("127.0.0.1", raw(b"\x30\x07\x87\x05\x7f\0\0\1\0"), ""),
    "a malformed subjectAltName": Kind("localhost", raw(b"\x30\x7f\x82\x09localhost"), ""),
    "a malformed extension beside a good name": Kind(
        "localhost",
        issued(extensions=[GARBLED, x509.SubjectAlternativeName([x509.DNSName("localhost")])]),
        "",
    ),
    "expired": Kind("localhost", issued("localhost", days=(-9, -1)), "it has expired ("),
    "not yet valid": Kind("localhost", issued("localhost", days=(1, 9)), "it is not valid yet ("),
    "of an expired CA": Kind(
        "localhost", issued("localhost", ca=EXPIRED_CA), "the certificate of its CA has expired ("
    ),
    "of another CA": Kind("localhost", issued("localhost", ca=OTHER_CA), NOT_TRUSTED),
    "self-signed": Kind("localhost", lambda: certificate("localhost"), "it is self-signed and not trusted"),
    "for clients": Kind(
        "localhost",
        issued(extensions=[USAGE, x509.SubjectAlternativeName([x509.DNSName("localhost")])]),
        "it cannot be verified (OpenSSL error 26)",
    ),
}


# -- servers


class _Listener(Protocol):
    """Receives data from a client, and closes at once."""

    def dataReceived(self, data):
        self.factory.received += data
        self.transport.abortConnection()

    def connectionLost(self, reason):
        self.factory.gone.callback(None)


class Server(Factory):
    """A TLS server for one connection.

    Attributes:
        received: application bytes that came.
        gone: fires when the connection is over.
    """

    noisy = False
    protocol = _Listener

    def __init__(self, reactor, pair):
        self.received, self.gone = b"", Deferred()
        options = PrivateCertificate.loadPEM(pair.key + pair.public).options()
        self.listener = reactor.listenSSL(0, self, options, interface="127.0.0.1")
        self.port = self.listener.getHost().port


@implementer(IHostResolution)
@frozen
class _Resolution:
    name: str

    def cancel(self):
        """Nothing is under way."""


@implementer(IHostnameResolver)
class HereResolver:
    """Finds every host on this machine."""

    def resolveHostName(self, resolutionReceiver, hostName, portNumber=0, *_, **__):
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        resolutionReceiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


@pytest.fixture
def everywhere():
    """The reactor, for which every host is this machine."""
    from twisted.internet import reactor

    former = reactor.installNameResolver(HereResolver())
    yield reactor
    reactor.installNameResolver(former)


# -- outgoing connections: each returns the error message that its user gets


async def _ended(client):
    """Return why a client's first connection ended, or was not made."""
    told = Deferred()

    def tell(client, ending, *_):
        if not told.called:
            told.callback(ending.why)
            client.close()

    client.on_close(tell)
    client.start()
    return await told


def _url(host, port):
    return f"wss://{f'[{host}]' if ':' in host else host}:{port}/"


async def wazo_client(reactor, host, port, ca):
    client = WazoClient(_url(host, port), "s3cret", reactor=reactor, tls=tls_for(host, trust_in(str(ca))))
    told = await _ended(client)
    await client.finished
    return told


async def wazo_client_of_the_system(reactor, host, port, ca):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(ca))
        client = WazoClient(_url(host, port), "s3cret", reactor=reactor)
        told = await _ended(client)
        await client.finished
        return told


async def appwebsocket_client(reactor, host, port, ca):
    tls = tls_for(host, trust_in(str(ca)))
    return await _ended(AppWebsocketClient(_url(host, port), "s3cret", "app", reactor=reactor, tls=tls))


async def command_tail(reactor, host, port, ca):
    told, address = [], _url(host, port)
    with pytest.MonkeyPatch.context() as console:
        console.setattr(sys.modules[TailSession.__module__], "note", told.append)
        run = TailSession(show=str, count=None, once=True)
        await run.go(reactor, address, lambda: "s3cret", ("*",), tail_tls(address, ca, insecure=False), None)
    (line,) = told
    return line


async def _http(client):
    try:
        await client.ask("GET", "/token/s3cret")
    except UnreachableError as error:
        return str(error)
    finally:
        await client.close()


async def wazo_authenticator(reactor, host, port, ca):
    tls = wazo_auth._tls(wazo_auth.WazoAuth(https=True, host=host, port=port, verify_certificate=str(ca)))
    return await _http(HttpClient.create(reactor, host=host, port=port, prefix="", tls=tls, kept=1))


async def voipbin_look_up(reactor, host, port, ca):
    tls = authority._tls(host, str(ca))
    return await _http(HttpClient.create(reactor, host=host, port=port, prefix="", tls=tls, kept=1))


async def _dialled(reactor, text):
    dialer = Dialer(
        broker_addresses([text], reactor), AmqpLogin("/", "guest", "s3cret"), reactor, reactor.seconds
    )
    with pytest.raises(BusError) as caught:
        await dialer.dial(dialer.broker_addresses[0])
    await dialer.all_closed()
    return str(caught.value)


async def bus(reactor, host, port, ca):
    return await _dialled(reactor, f"tls:{quoteStringArgument(host)}:{port}:trustRoots={ca.parent}")


async def bus_over_another_endpoint(reactor, host, port, ca):
    within = quoteStringArgument(f"tcp:127.0.0.1:{port}")
    string = f"TLS:host={quoteStringArgument(host)}:port=1:trustRoots={ca.parent}:endpoint={within}"
    return await _dialled(reactor, string)


WAYS = [
    wazo_client,
    wazo_client_of_the_system,
    appwebsocket_client,
    command_tail,
    wazo_authenticator,
    voipbin_look_up,
    bus,
    bus_over_another_endpoint,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", KINDS)
@pytest_twisted.ensureDeferred
async def test_nothing_is_sent_to_a_server_before_its_certificate_is_accepted(
    everywhere, tmp_path, capfd, name, way
):
    kind = KINDS[name]
    ca = tmp_path / "ca.pem"
    # Twisted takes one certificate from a file of trustRoots.
    ca.write_bytes(EXPIRED_CA.public if "expired CA" in name else CA.public)
    server = Server(everywhere, kind.make())
    try:
        told = await way(everywhere, kind.host, server.port, ca)
        await server.gone
    finally:
        await server.listener.stopListening()
    assert (len(server.received) > 0) is (kind.refused is None)
    refused = re.search(r"the certificate of (\S+) is not accepted: (.+); (.+)", told)
    assert (refused is not None) is (kind.refused is not None)
    if refused:
        assert kind.host in refused[1]
        assert kind.refused in refused[2]
    assert "\n" not in told
    assert capfd.readouterr().err == ""


# -- one connection in memory


def handshake(client, server_context):
    """Return the server's end after a handshake in memory; raises what ends it for the client."""
    server = SSL.Connection(server_context)
    server.set_accept_state()
    client.set_connect_state()
    done = set()
    while len(done) < 2:
        for end, other in ((client, server), (server, client)):
            try:
                end.do_handshake()
                done.add(end)
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    return server


def context_of(pair):
    return PrivateCertificate.loadPEM(pair.key + pair.public).options().getContext()


@pytest.fixture
def trust(tmp_path):
    (tmp_path / "ca.pem").write_bytes(CA.public)
    return trust_in(str(tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("bücher.wsevents.test", "xn--bcher-kva.wsevents.test"),
        ("fe80::1%lo", "fe80::1"),
        ("::FFFF:127.0.0.1", "::ffff:7f00:1"),
        ("0:0::0:1", "::1"),
    ],
)
def test_a_host_matches_an_equivalent_name_in_the_certificate(trust, host, name):
    client = tls_for(host, trust).clientConnectionForTLS(None)
    server = handshake(client, context_of(CA.issue(name)))
    assert client.send(b"s3cret") == 6
    server.bio_write(client.bio_read(65536))
    assert server.recv(6) == b"s3cret"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("xn--bcher-kva.wsevents.test", "*.wsevents.test"),
        ("127.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        (f"{HOST}.", f"{HOST}."),
    ],
)
def test_a_host_without_a_name_in_the_certificate_is_rejected(trust, host, name):
    client = tls_for(host, trust).clientConnectionForTLS(None)
    with pytest.raises(CertificateRefusedError) as caught:
        handshake(client, context_of(CA.issue(name)))
    assert (caught.value.host, caught.value.fault) == (host, Fault.NAME)


@pytest.mark.parametrize(
    ("host", "sent"),
    [("LOCALHOST", b"localhost"), (f"{HOST}.", HOST.encode()), ("127.0.0.1", None), ("::1", None)],
)
@pytest.mark.parametrize("verify", [True, False])
def test_server_name_indication_has_no_final_dot_and_no_address(trust, host, sent, verify):
    client = tls_for(host, trust, verify=verify).clientConnectionForTLS(None)
    pair = CA.issue("localhost", HOST, "127.0.0.1", "::1")
    assert handshake(client, context_of(pair)).get_servername() == sent


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_a_resumed_session_is_rejected_because_openssl_does_not_check_its_certificate(trust, version):
    context = context_of(CA.issue(common="localhost", extensions=[]))
    context.set_options(0)
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    context.set_max_proto_version(version)
    creator = tls_for("localhost", trust)
    first = SSL.Connection(creator.options.getContext())
    first.set_verify(SSL.VERIFY_NONE)
    server = handshake(first, context)
    server.send(b"x")
    first.bio_write(server.bio_read(65536))
    assert first.recv(1) == b"x"  # with TLS 1.3 the session comes after the handshake
    second = creator.clientConnectionForTLS(None)
    second.set_session(first.get_session())
    with pytest.raises(CertificateRefusedError):
        handshake(second, context)
    with pytest.raises(SSL.WantReadError):
        second.send(b"s3cret")


def test_a_refusal_is_repeated_if_the_handshake_is_tried_again(trust):
    client = tls_for("localhost", trust).clientConnectionForTLS(None)
    context = context_of(CA.issue("elsewhere.test"))
    for _ in range(2):
        with pytest.raises(CertificateRefusedError):
            handshake(client, context)


def test_names_of_a_certificate_cannot_forge_a_line_of_the_log(trust):
    client = tls_for("localhost", trust).clientConnectionForTLS(None)
    pair = raw(dns(b"a\r\nfine", b"b" * 120, b"c", b"d"))()
    with pytest.raises(CertificateRefusedError) as caught:
        handshake(client, context_of(pair))
    assert f"it is for a\\r\\nfine, {'b' * 100}, c, … and not for localhost" in str(caught.value)


def test_without_verification_any_certificate_is_accepted(trust):
    client = tls_for("localhost", verify=False).clientConnectionForTLS(None)
    handshake(client, context_of(OTHER_CA.issue(common="x", extensions=[])))
    assert client.send(b"x") == 1


@pytest.mark.parametrize("host", ["", ".", "a b", "a:1", "x..y", "[::1]", "*.wsevents.test", "2130706433"])
def test_an_invalid_host_is_rejected_before_a_connection(host):
    with pytest.raises(ValueError, match="must be a host name or an IP address"):
        check_host(host)
    with pytest.raises(ValueError, match=r"."):
        tls_for(host)


# -- `tls:` strings


def parts_of(endpoint):
    """Return what a `tls:` endpoint of Twisted's was made with."""
    within = endpoint._wrappedEndpoint
    names = ("_hostText", "_port", "_timeout", "_bindAddress", "_host")
    found = {name: getattr(within, name, None) for name in names}
    return type(within), found | {"_hostText": (found["_hostText"] or "").lower()}


PARTS = {
    "timeout": st.integers(1, 99).map(str),
    "bindAddress": st.sampled_from(["127.0.0.1", "::1"]),
    "endpoint": st.sampled_from(["tcp:a.test:1", "tcp:host=a.test:port=2:timeout=3", "unix:/a\\:b"]),
}


@given(
    st.sampled_from(["tls", "TLS", "Tls"]),
    st.sampled_from(["localhost", "A.test", "a.test.", "127.0.0.1", "bücher.test"]),
    st.integers(1, 65535),
    st.fixed_dictionaries({}, optional=PARTS),
    st.booleans(),
)
def test_a_tls_string_has_twisteds_meaning(kind, host, port, more, positional):
    reactor = MemoryReactorClock()
    begin = [quoteStringArgument(host), str(port)]
    if not positional:
        begin = [f"host={begin[0]}", f"port={begin[1]}"]
    string = ":".join([kind, *begin, *(f"{key}={quoteStringArgument(value)}" for key, value in more.items())])
    assert parts_of(client_endpoint(reactor, string)) == parts_of(clientFromString(reactor, string))


@pytest.mark.parametrize(
    ("string", "said"),
    [
        ("tls:localhost", "missing argument 'port'"),
        ("tls", "missing argument 'host'"),
        ("tls:localhost:1:hostname=elsewhere.test", "unexpected argument 'hostname'"),
        ("tls:localhost:1:host=elsewhere.test", "unexpected argument 'host'"),
        ("tls:localhost:1:2:3:4:5:6:7:8", "unexpected argument '8'"),
        ("tls:localhost:x", "invalid literal for int"),
        ("tls:localhost:x:endpoint=unix\\:/a", "invalid literal for int"),
        ("tls:[\\:\\:1]:1", "not allowed"),
    ],
)
def test_an_unusable_tls_string_is_rejected(string, said):
    with pytest.raises(ValueError, match=said):
        client_endpoint(MemoryReactorClock(), string)


def test_the_client_certificate_of_a_tls_string_is_sent_to_the_server(tmp_path, trust):
    own = CA.issue("a client")
    for name, content in {
        "own.key": own.key,
        "own.crt": own.public,
        "own.both": own.key + own.public,
    }.items():
        (tmp_path / name).write_bytes(content)
    for files in (f"{tmp_path}/own.crt:privateKey={tmp_path}/own.key", f"{tmp_path}/own.both"):
        string = f"tls:localhost:1:trustRoots={tmp_path}:certificate={files}"
        endpoint = client_endpoint(MemoryReactorClock(), string)
        client = endpoint._wrapperFactory(Factory())._creatorCallable(None)
        context = context_of(CA.issue("localhost"))
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        server = handshake(client, context)
        shown = server.get_peer_certificate(as_cryptography=True)
        assert shown == x509.load_pem_x509_certificate(own.public)


# -- no other module creates TLS clients

ALLOWED = {
    "wsevents.endpoints.tls_client": None,  # creates all of them
    "wsevents.endpoints.self_signed": {"CertificateOptions", "PrivateCertificate"},  # of a listener
    "wsevents.delivery.writers": {"OpenSSL.SSL", "Connection"},  # of peers
    "wsevents.cli.admin_client": {"HTTPSConnection"},  # the standard library's own check, fail-closed
}
"""The TLS names that each module may use; None: all."""
TLS = {
    "optionsForClientTLS",
    "wrapClientTLS",
    "clientFromString",
    "CertificateOptions",
    "PrivateCertificate",
    "SSL4ClientEndpoint",
    "connectSSL",
    "startTLS",
    "ClientContextFactory",
    "BrowserLikePolicyForHTTPS",
    "HTTPSConnection",
    "create_default_context",
    "SSLContext",
    "Context",
    "Connection",
    "urlopen",
}
"""Names that a TLS client can be made with."""
MAKERS = {"twisted", "OpenSSL", "ssl", "urllib", "http", "treq", "autobahn", "requests"}
"""Packages that have them."""
WHOLE = {"ssl", "OpenSSL", "OpenSSL.SSL", "twisted.internet.ssl", "urllib.request", "treq", "requests"}
"""Modules that no other module may import whole, because this test would not see the names."""


def offences(module, source):
    """Return the names of TLS clients that a module has and may not have."""
    allowed = ALLOWED.get(module, set())
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=other, names=names) if other and other.split(".")[0] in MAKERS:
                named = {alias.name for alias in names}
                whole = {f"{other}.{name}" for name in named} & WHOLE
                found += sorted(whole | (named & TLS))
            case ast.Import(names=names):
                found += sorted({alias.name for alias in names} & WHOLE)
            case ast.Attribute(attr=name) if name in TLS - {"Context", "Connection"}:
                found.append(name)
    return [] if allowed is None else [name for name in found if name not in allowed]


SOURCES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file.read_text()
    for file in sorted((ROOT / "wsevents").rglob("*.py"))
}


@pytest.mark.parametrize("module", SOURCES)
def test_only_tls_client_creates_tls_clients(module):
    assert offences(module, SOURCES[module]) == []


def test_every_exception_is_needed():
    assert all(offences("wsevents.other", SOURCES[module]) for module in ALLOWED)
    assert tls_client.__name__ in ALLOWED


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from twisted.internet.ssl import optionsForClientTLS", "optionsForClientTLS"),
        ("from twisted.internet import ssl", "twisted.internet.ssl"),
        ("def f():\n    import ssl", "ssl"),
        ("import twisted.internet.ssl as tls", "twisted.internet.ssl"),
        ("from OpenSSL import SSL", "OpenSSL.SSL"),
        ("from twisted.internet import endpoints\nendpoints.clientFromString(r, s)", "clientFromString"),
        ("reactor.connectSSL('h', 1, f, c)", "connectSSL"),
        ("from urllib.request import urlopen", "urlopen"),
    ],
)
def test_another_tls_client_is_found(source, found):
    assert found in offences("wsevents.other", source)
