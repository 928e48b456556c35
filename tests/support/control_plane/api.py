"""The API server as its administrator asks it, without any CLI in between."""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx

TIMEOUT_S = 10.0


class Api:
    """JSON requests with one token."""

    def __init__(self, *, ca_pem: bytes, token: str) -> None:
        self._client = httpx.Client(
            verify=ssl.create_default_context(cadata=ca_pem.decode()),
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=TIMEOUT_S,
        )

    def move(self, url: str) -> None:
        """Where the server is from now on."""
        self._client.base_url = httpx.URL(url)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """What is there; raises httpx.HTTPStatusError."""
        return self._client.get(path).raise_for_status().json()

    def has(self, path: str) -> bool:
        """Whether it is there. False while nobody answers."""
        try:
            return self._client.get(path).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """One that is there already stays as it is."""
        answer = self._client.post(path, json=body)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server says to a review, which it does not keep."""
        return self._client.post(path, json=body).raise_for_status().json()

    def send(
        self, method: str, target: str, *, body: bytes = b"", content_type: str = "", accept: str = "*/*"
    ) -> httpx.Response:
        """Sends any request, and returns whatever the server answers."""
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        return self._client.request(method, target, content=body, headers=headers)

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        """Server-side apply: https://kubernetes.io/docs/reference/using-api/server-side-apply/"""
        self._client.patch(
            path,
            json=body,
            params={"fieldManager": "tests", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
        ).raise_for_status()
