"""The heads that the door writes."""

import pytest

from tests.support import smuggling
from worker.door.http import headers, request_head


def passed_on(*lines: str, method: str = "GET", added: dict[str, str] | None = None) -> list[str]:
    """The lines of a request after the first one."""
    head = request_head.parse(smuggling.head(f"{method} /p/api HTTP/1.1", "Host: h", *lines))
    written = headers.request(head, head.target.written, added=tuple((added or {}).items()))
    first, *rest = written.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == f"{method} /api HTTP/1.1"
    return rest


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ("v5.channel.k8s.io, v4.channel.k8s.io", "v5.channel.k8s.io, v4.channel.k8s.io"),
        ("channel.k8s.io,base64.channel.k8s.io", "channel.k8s.io, base64.channel.k8s.io"),
        ("v4.base64.channel.k8s.io", "v4.base64.channel.k8s.io"),
        ("SPDY/3.1+portforward.k8s.io", "SPDY/3.1+portforward.k8s.io"),
        ("v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.dA", "v5.channel.k8s.io"),
        ("base64url.bearer.authorization.k8s.io.dA.channel.k8s.io", None),
        ("base64url.bearer.authorization.k8s.io.dA", None),
        ("chat", None),
    ],
)
def test_only_subprotocols_of_streams_pass(asked: str, passed: str | None) -> None:
    found = [line for line in passed_on(*UPGRADE, f"Sec-WebSocket-Protocol: {asked}") if "protocol" in line]
    assert found == ([] if passed is None else [f"sec-websocket-protocol: {passed}"])


def test_headers_of_upgrades_pass_only_with_one() -> None:
    assert not passed_on(
        "Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 13", "X-Stream-Protocol-Version: v4.channel.k8s.io"
    )


def test_added_header_replaces_the_one_of_the_command() -> None:
    assert passed_on("Accept-Encoding: gzip", "Accept: a", added={"Accept-Encoding": ""}) == ["accept: a"]


def test_request_without_a_body_has_a_length_unless_it_is_a_get() -> None:
    assert passed_on(method="DELETE") == ["Content-Length: 0"]
    assert not passed_on()


def test_unknown_status_has_a_phrase() -> None:
    assert headers.answer(799, (), framing="") == b"HTTP/1.1 799 Unknown\r\n\r\n"
