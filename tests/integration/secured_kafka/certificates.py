"""A certificate authority of a test's own, and the certificates that it signs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

LOOPBACK = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `path` is its own, for those who trust it."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def path(self) -> Path:
        """Its certificate as a PEM file."""
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str, *, password: str | None = None, age: timedelta = timedelta()) -> Path:
        """A PEM file with a key and its certificate, which lasts a day and was made so long ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = sign(name, key, self.certificate.subject, self.key, age, LOOPBACK)
        encryption: KeySerializationEncryption = NoEncryption()
        if password is not None:
            encryption = BestAvailableEncryption(password.encode())
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption) + certificate.public_bytes(Encoding.PEM)
        path = self.folder / f"{name}.pem"
        path.write_bytes(text)
        return path


def make_authority(folder: Path, name: str) -> Authority:
    """An authority that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name_subject(name)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    authority = Authority(folder, name, key, sign(name, key, subject, key, timedelta(), constraints))
    authority.path.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return authority


def sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    age: timedelta,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    """A certificate of a day that began `age` and an hour ago."""
    begin = datetime.now(UTC) - timedelta(hours=1) - age
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    )
    return builder.sign(issuer_key, hashes.SHA256())


def name_subject(name: str) -> x509.Name:
    """The subject `CN=name`."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
