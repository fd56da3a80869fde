"""The mesh's certificate authority: what istiod's CA is in a cluster, with a key of its own for each mesh.

Its key lies in the mesh's folder, for its owner alone; so certificates of before a restart are still good after it.
"""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

logger = logging.getLogger(__name__)

FILE = "ca.pem"
"""Key and certificate in one, so that neither is ever there without the other."""

LIFETIME = timedelta(days=3650)
SKEW = timedelta(minutes=2)
"""A certificate is good from so long ago: not every clock is right."""

PRIVATE = 0o600


class Certificate(Struct, frozen=True):
    """What a proxy shows, and the key to it; texts are PEM."""

    chain: str
    key: str
    issued: datetime
    expires: datetime

    def __repr__(self) -> str:
        return f"Certificate(issued={self.issued}, expires={self.expires})"


class Authority(Struct, frozen=True):
    """Vouches for proxies."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def of(cls, folder: Path) -> "Authority":
        """Return the authority of a folder; make one if there is none that can be used. Raises OSError."""
        path = folder / FILE
        try:
            return cls._read(path)
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: a key behind a password
            logger.warning("%s cannot be used, so the mesh gets another authority: %s", path, error)
        made = cls.make()
        _write(path, made)
        return made

    @classmethod
    def make(cls) -> "Authority":
        """Return a new authority."""
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("cluster.local")
        builder = _begun(name, name, key.public_key(), datetime.now(UTC), LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> str:
        """The certificate by which others know whom to trust."""
        return _pem(self.certificate)

    def issue(self, identity: str, lifetime: timedelta) -> Certificate:
        """Return a certificate for who has an identity, `spiffe://…`, to be shown by servers and clients alike."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        builder = _begun(x509.Name([]), self.certificate.subject, key.public_key(), now, lifetime)
        # With an empty subject it is the name that counts, and has to be critical (RFC 5280, section 4.2.1.6).
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        builder = builder.add_extension(names, critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(both, critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return Certificate(_pem(signed), _key_pem(key), now, signed.not_valid_after_utc)

    @classmethod
    def _read(cls, path: Path) -> "Authority":
        """Read what was written. Raises FileNotFoundError, and ValueError for what is no authority any more."""
        if path.stat().st_mode & 0o077:
            raise ValueError("others can read its key")
        content = path.read_bytes()
        key, certificate = serialization.load_pem_private_key(content, None), x509.load_pem_x509_certificate(content)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("key and certificate do not belong together")
        if certificate.not_valid_after_utc - datetime.now(UTC) < LIFETIME / 10:
            raise ValueError(f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}")
        if certificate.not_valid_before_utc > datetime.now(UTC):
            raise ValueError(f"it was made by a clock that went ahead, on {certificate.not_valid_before_utc:%Y-%m-%d}")
        return cls(key, certificate)


def _write(path: Path, authority: Authority) -> None:
    """Write the file in one piece: who reads it sees the one before or this one."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(draft, "x", opener=lambda name, flags: os.open(name, flags, PRIVATE)) as file:
        file.write(_key_pem(authority.key) + authority.pem)
    draft.replace(path)


def _name(organisation: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return builder.not_valid_before(now - SKEW).not_valid_after(now + lifetime)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
