"""What clients sent to the server: for tests that look for words which must not have left a worker."""

import base64
from collections import deque
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope

KEPT = 2_000
"""Requests; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests as they came: path, query and headers, then the body as far as it was read."""

    requests: deque[bytearray] = field(default_factory=lambda: deque(maxlen=KEPT))

    def recording(self, scope: Scope, receive: Receive) -> Receive:
        """The same `receive`, whose messages are kept."""
        request = bytearray(scope.get("raw_path", b"") + b"?" + scope["query_string"] + b"\n")
        for name, value in scope["headers"]:
            request += name + b": " + value + b"\n"
        self.requests.append(request)

        async def recorded() -> Message:
            message = await receive()
            request.extend(message.get("body", b""))
            return message

        return recorded

    def holds(self, text: str) -> bool:
        """Whether any request held the text, as it is or in base64."""
        forms = _forms(text.encode())
        return any(form in request for request in self.requests for form in forms)


def _forms(data: bytes) -> list[bytes]:
    """The text, and the middle of its base64 at each of the three places where it may begin."""
    return [data, *(base64.b64encode(bytes(shift) + data)[4:-4] for shift in range(3))]
