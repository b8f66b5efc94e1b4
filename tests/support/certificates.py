"""Keys and certificates for tests."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import uuid4

from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@frozen
class Pair:
    """A private key and its certificate, both PEM."""

    key: bytes = field(repr=False)
    public: bytes


def certificate(*names, passphrase=None, days=(-1, 30)):
    """Return a new self-signed certificate, with its key, for host names and IP addresses.

    It is valid in this range of days from now.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    # A unique name: OpenSSL could otherwise confuse two certificates that are trusted together.
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"of a test, {uuid4()}")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return Pair(private.private_bytes(pem, form, locked), signed.public_bytes(pem))


@define
class Authority:
    """A certificate authority of a test.

    Attributes:
        public: its certificate, PEM.
        days: range of days from now in which its certificate is valid.
    """

    days: tuple[int, int] = (-2, 60)
    public: bytes = field(init=False)
    _key: object = field(init=False, repr=False)
    _name: x509.Name = field(init=False, repr=False)

    def __attrs_post_init__(self):
        pair = certificate(days=self.days)
        signed = x509.load_pem_x509_certificate(pair.public)
        self.public, self._name = pair.public, signed.subject
        self._key = serialization.load_pem_private_key(pair.key, None)

    def issue(self, *names, common="a server of a test", days=(-1, 30), extensions=None):
        """Return a new pair whose certificate this CA has signed.

        Args:
            names: host names, IP addresses and `GeneralName`s of its subjectAltName.
            common: its common name.
            days: range of days from now in which it is valid.
            extensions: in place of a subjectAltName with the names.
        """
        private = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]))
            .issuer_name(self._name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
        )
        named = [x509.SubjectAlternativeName([_general(name) for name in names])]
        for extension in named if extensions is None else extensions:
            builder = builder.add_extension(extension, critical=False)
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key = private.private_bytes(pem, form, serialization.NoEncryption())
        return Pair(key, builder.sign(self._key, hashes.SHA256()).public_bytes(pem))


def _general(name):
    if isinstance(name, x509.GeneralName):
        return name
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write_pair(folder, name="server", passphrase=None, days=(-1, 30)):
    """Write a new key and its certificate for this machine; return the two paths."""
    pair = certificate("localhost", "127.0.0.1", passphrase=passphrase, days=days)
    paths = folder / f"{name}.key", folder / f"{name}.crt"
    paths[0].write_bytes(pair.key)
    paths[1].write_bytes(pair.public)
    return paths
