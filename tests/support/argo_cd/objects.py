"""What Argo CD expects to find in its namespace: settings, its secret, an account with a token, the cluster it manages.

https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/
"""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.jwt import signed_with_secret

NAMESPACE = "argocd"
ACCOUNT = "tester"
PART_OF = {"app.kubernetes.io/part-of": "argocd"}
CLUSTER = {"argocd.argoproj.io/secret-type": "cluster"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The secrets of one installation."""

    cluster_url: str
    cluster_token: str = field(repr=False)
    ca_pem: bytes = field(repr=False)
    server_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    token_id: str = field(default_factory=lambda: secrets.token_hex(16))
    issued_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def account_token(self) -> str:
        """As `argocd account generate-token` makes it; its id stands in the account's list."""
        claims = {
            "iss": "argocd",
            "sub": f"{ACCOUNT}:apiKey",
            "iat": self.issued_at,
            "nbf": self.issued_at,
            "jti": self.token_id,
        }
        return signed_with_secret(claims, self.server_key)

    def objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Resource (`configmaps`, `secrets`) and object, in any order."""
        yield _config_map("argocd-cm", {f"accounts.{ACCOUNT}": "apiKey"})
        yield _config_map("argocd-rbac-cm", {"policy.csv": f"g, {ACCOUNT}, role:admin\n"})
        for name in ("cmd-params-cm", "ssh-known-hosts-cm", "tls-certs-cm", "gpg-keys-cm"):
            yield _config_map(f"argocd-{name}", {})
        tokens = [{"id": self.token_id, "iat": self.issued_at}]
        yield _secret(
            "argocd-secret",
            {"server.secretkey": self.server_key, f"accounts.{ACCOUNT}.tokens": json.dumps(tokens)},
            PART_OF,
        )
        access = {
            "bearerToken": self.cluster_token,
            "tlsClientConfig": {"caData": base64.b64encode(self.ca_pem).decode()},
        }
        yield _secret(
            "cluster-test", {"name": "test", "server": self.cluster_url, "config": json.dumps(access)}, CLUSTER
        )


def _config_map(name: str, data: dict[str, str]) -> tuple[str, dict[str, Any]]:
    metadata = {"name": name, "labels": PART_OF}
    return "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _secret(name: str, data: dict[str, str], labels: dict[str, str]) -> tuple[str, dict[str, Any]]:
    metadata = {"name": name, "labels": labels}
    return "secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
