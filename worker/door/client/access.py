"""Reads from a rebuilt kubeconfig how the door reaches the cluster, and with which credential."""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from shared.tools.own_server import OwnServer
from worker.door.messages import Access

PASS_BYTES = 32
"""Random bytes of a pass, which nobody can guess. It is written in hexadecimal digits, which no CLI escapes."""


def of(kubeconfig: str, principal: str) -> Access:
    """Returns the access of one visit, with a new pass. `kubeconfig` is the JSON of a rebuilt one."""
    document: dict[str, Any] = json.loads(kubeconfig)
    [cluster] = (each["cluster"] for each in document["clusters"])
    user: Mapping[str, Any] = next((each["user"] for each in document["users"]), {})
    return Access(
        pass_=_new_pass(),
        principal=principal,
        server=cluster["server"],
        authority=_text(cluster.get("certificate-authority-data", "")),
        tls_server_name=cluster.get("tls-server-name", ""),
        skips_verification=cluster.get("insecure-skip-tls-verify", False),
        token=user.get("token", ""),
        username=user.get("username", ""),
        password=user.get("password", ""),
        client_certificate=_text(user.get("client-certificate-data", "")),
        client_key=_text(user.get("client-key-data", "")),
    )


def to_argo_cd(server: OwnServer, place: str, *, token: str, principal: str) -> Access:
    """Returns the access of one visit to an Argo CD server, with a new pass."""
    return Access(
        pass_=_new_pass(),
        principal=principal,
        server=f"{server.scheme}://{place}{server.root_path}",
        token=token,
        skips_verification=server.skips_verification,
        headers=server.headers,
        is_argo_cd=True,
    )


def _new_pass() -> str:
    return secrets.token_hex(PASS_BYTES)


def _text(data: str) -> str:
    """Decodes a file's content. Bytes beyond UTF-8 can only be in comments around the PEM blocks."""
    return base64.b64decode("".join(data.split())).decode("utf-8", "replace")
