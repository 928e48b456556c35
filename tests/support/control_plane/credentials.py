"""Credentials of the API server: users' tokens, a CA, and the key that signs service accounts' tokens."""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.api_server import certificates
from tests.support.jwt import signed_with_key

ISSUER = "https://kubernetes.default.svc"
KEY_BITS = 2048
HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one cluster. The files lie in `directory`: CA and server certificate, signing key, tokens."""

    directory: Path
    admin_token: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    viewer_token: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    machinery_token: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    """Of an administrator whose requests the audit log leaves out: the cluster's own parts, and what tests ask."""

    @classmethod
    def create(cls, directory: Path) -> "Credentials":
        directory.mkdir()
        certificates.write(directory)
        credentials = cls(directory)
        key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
        credentials.signing_key.write_bytes(_private_pem(key))
        credentials.verifying_key.write_bytes(_public_pem(key))
        credentials.token_file.write_text(
            f'{credentials.admin_token},admin,1,"system:masters"\n'
            f"{credentials.viewer_token},viewer,2\n"
            f'{credentials.machinery_token},machinery,3,"system:masters"\n'
        )
        return credentials

    @property
    def ca_pem(self) -> bytes:
        return (self.directory / "ca.pem").read_bytes()

    @property
    def signing_key(self) -> Path:
        return self.directory / "service-accounts.key"

    @property
    def verifying_key(self) -> Path:
        return self.directory / "service-accounts.pub"

    @property
    def token_file(self) -> Path:
        return self.directory / "tokens.csv"

    def expired_token(self) -> str:
        """A service account's, properly signed, whose hour is over."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": "system:serviceaccount:default:default",
            "iat": now - 2 * HOUR_S,
            "nbf": now - 2 * HOUR_S,
            "exp": now - HOUR_S,
            "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "default", "uid": "1"}},
        }
        key = serialization.load_pem_private_key(self.signing_key.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return signed_with_key(claims, key)


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
