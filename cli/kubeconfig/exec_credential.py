"""Parses an ExecCredential (client.authentication.k8s.io, v1 and v1beta1), the output of a credential program."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

KIND = "ExecCredential"
GROUP = "client.authentication.k8s.io"
API_VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
EXTENSION = f"{GROUP}/exec"
INFO_VARIABLE = "KUBERNETES_EXEC_INFO"
CLUSTER_FIELDS = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, a certificate with its key (PEM), or both."""

    token: str | None = field(repr=False)
    certificate: str | None = field(repr=False)
    key: str | None = field(repr=False)
    expires_at: datetime | None
    """When the credential expires, or None if the program does not say."""


def parse(output: bytes, api_version: str) -> Credential:
    """Returns the credential. Raises ValueError, whose text and chained exceptions contain nothing of the output."""
    status = _status(output, api_version)
    token, certificate, key = (_text(status, name) for name in ("token", "clientCertificateData", "clientKeyData"))
    if (certificate is None) != (key is None):
        raise ValueError("printed a client certificate without its key, or a key without its certificate")
    if token is None and certificate is None:
        raise ValueError("printed neither a token nor a client certificate")
    return Credential(token, certificate, key, _time(status))


def _status(output: bytes, api_version: str) -> dict[str, Any]:
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ValueError(f"did not print an {KIND}")
    if document.get("apiVersion") != api_version:
        raise ValueError(f"printed an {KIND} whose version is not {api_version}, which the kubeconfig names")
    status = document.get("status")
    if not isinstance(status, dict):
        raise ValueError(f"printed an {KIND} without a status")
    return status


def _text(status: dict[str, Any], name: str) -> str | None:
    value = status.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"printed an {KIND} whose {name} is not text")
    return value or None


def _time(status: dict[str, Any]) -> datetime | None:
    text = _text(status, "expirationTimestamp")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"printed an {KIND} whose expirationTimestamp is not an RFC 3339 time")
    return moment.astimezone(UTC)
