"""JSON Web Tokens (RFC 7519) for servers that tests start."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def signed_with_key(claims: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
    """RS256."""
    unsigned = _unsigned("RS256", claims)
    return f"{unsigned}.{_url_safe(key.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def signed_with_secret(claims: dict[str, Any], secret: str) -> str:
    """HS256."""
    unsigned = _unsigned("HS256", claims)
    return f"{unsigned}.{_url_safe(hmac.digest(secret.encode(), unsigned.encode(), hashlib.sha256))}"


def _unsigned(algorithm: str, claims: dict[str, Any]) -> str:
    header = {"alg": algorithm, "typ": "JWT"}
    return ".".join(_url_safe(json.dumps(part).encode()) for part in (header, claims))


def _url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
