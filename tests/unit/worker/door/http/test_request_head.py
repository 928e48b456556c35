"""The grammar of a request's head: what is read, and what is refused because two readers could differ."""

import pytest

from tests.support import smuggling
from worker.door.http import request_head
from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import END, Head

BY_OTHERS = {"no-host", "foreign-host", "bad-chunk", "bytes-after-the-body", "bytes-after-chunks", "pipelined-request"}
"""Requests with a good head, which the connection refuses."""
REFUSED = {name: each for name, each in smuggling.REFUSED.items() if name not in BY_OTHERS}


def parsed(*lines: str) -> Head:
    return request_head.parse(smuggling.head(*lines))


def got(target: str = "/p/api", *headers: str, method: str = "GET") -> Head:
    return parsed(f"{method} {target} HTTP/1.1", "Host: h", *headers)


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_head_is_refused(name: str) -> None:
    status, raw = REFUSED[name]
    with pytest.raises(BadRequestError) as caught:
        request_head.parse(raw[: raw.find(END) + len(END)])
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("target", "path", "written"),
    [
        ("/p", "/", "/"),
        ("/p/", "/", "/"),
        ("/p/api/", "/api/", "/api/"),
        ("/p/api/v1/pods/a%20b", "/api/v1/pods/a b", "/api/v1/pods/a%20b"),
        ("/p/api/system:node/x@y", "/api/system:node/x@y", "/api/system:node/x@y"),
        ("/p/apis/%61pps", "/apis/apps", "/apis/apps"),
    ],
)
def test_path_is_decoded_once_and_written_anew(target: str, path: str, written: str) -> None:
    head = got(target)
    assert (head.target.pass_, head.target.path, head.target.written) == ("p", path, written)


@pytest.mark.parametrize(
    ("query", "pairs", "written"),
    [
        ("a=1&b=2", (("a", "1"), ("b", "2")), "a=1&b=2"),
        ("a=1&a=2", (("a", "1"), ("a", "2")), "a=1&a=2"),
        ("a=x+y%20z%2B", (("a", "x y z+"),), "a=x+y+z%2B"),
        ("a&b=", (("a", ""), ("b", "")), "a=&b="),
        ("&&a=1&", (("a", "1"),), "a=1"),
        ("a=b=c", (("a", "b=c"),), "a=b%3Dc"),
        ("command=sh&command=-c&command=%0A%3B", (("command", "sh"), ("command", "-c"), ("command", "\n;")),
         "command=sh&command=-c&command=%0A%3B"),
        ("", (), ""),
    ],
)  # fmt: skip
def test_query_is_read_as_go_reads_it(query: str, pairs: tuple[tuple[str, str], ...], written: str) -> None:
    target = got(f"/p/api?{query}").target
    assert target.query == pairs
    assert target.written == (f"/api?{written}" if written else "/api")


def test_long_command_of_exec_fits() -> None:
    value = "x" * 60_000
    assert got(f"/p/api?command={value}").target.query == (("command", value),)


def test_headers_are_read_without_regard_to_case_and_spaces() -> None:
    head = got("/p/api", "ACCEPT:  a/b ; q=1 \t", "user-agent:kubectl", "X-Evil: 1", "Authorization: Bearer x")
    assert head.headers == (("accept", "a/b ; q=1"), ("user-agent", "kubectl"))


def test_protocol_versions_of_a_stream_may_be_repeated() -> None:
    head = got("/p/api", "X-Stream-Protocol-Version: v5.channel.k8s.io", "X-Stream-Protocol-Version: v4.channel.k8s.io")
    assert [value for _, value in head.headers] == ["v5.channel.k8s.io", "v4.channel.k8s.io"]


@pytest.mark.parametrize(
    ("method", "protocol", "upgrade"), [("GET", "websocket", "websocket"), ("POST", "SPDY/3.1", "spdy/3.1")]
)
def test_upgrade_is_recognised(method: str, protocol: str, upgrade: str) -> None:
    assert got("/p/api", "Connection: keep-alive, Upgrade", f"Upgrade: {protocol}", method=method).upgrade == upgrade


def test_connection_is_kept_unless_the_command_closes_it() -> None:
    assert got().keeps_connection
    assert not got("/p/api", "Connection: close").keeps_connection


@pytest.mark.parametrize("media_type", ["application/json", "application/apply-patch+yaml", "APPLICATION/JSON; a=b"])
def test_body_of_an_api_request_is_taken(media_type: str) -> None:
    head = got("/p/api", f"Content-Type: {media_type}", "Content-Length: 8388608", method="PATCH")
    assert head.content_length == 8_388_608
