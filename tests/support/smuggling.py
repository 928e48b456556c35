"""Requests that the door must not forward. `%s` stands for the pass, and `HOST` for the door's address."""

HOST = "127.0.0.1:1"
PASS = "a-pass"
BODY = b"{}"


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _get(target: str, *headers: str) -> bytes:
    return head(f"GET /{PASS}{target} HTTP/1.1", f"Host: {HOST}", *headers)


def _post(*headers: str) -> bytes:
    return head(f"POST /{PASS}/api HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", *headers)


REFUSED = {
    "empty-segment": (400, _get("/api//v1")),
    "empty-segment-after-pass": (400, _get("//api/v1")),
    "encoded-slash": (400, _get("/api%2Fv1")),
    "encoded-slash-in-lower-case": (400, _get("/api%2fv1")),
    "backslash": (400, _get("/api\\v1")),
    "encoded-backslash": (400, _get("/api%5Cv1")),
    "dot-segment": (400, _get("/api/../v1")),
    "single-dot": (400, _get("/api/./v1")),
    "encoded-dot-segment": (400, _get("/api/%2e%2E/v1")),
    "half-encoded-dot-segment": (400, _get("/api/.%2e")),
    "path-parameter": (400, _get("/api;x=y/v1")),
    "encoded-semicolon": (400, _get("/api%3Bx/v1")),
    "encoded-percent": (400, _get("/api%252Fv1")),
    "bad-escape": (400, _get("/api%zz")),
    "cut-escape": (400, _get("/api%2")),
    "encoded-null": (400, _get("/api%00")),
    "encoded-line-break": (400, _get("/api%0d%0a")),
    "non-ascii": (400, _get("/api/\xe4")),
    "encoded-non-ascii": (400, _get("/api/%C3%A4")),
    "fragment": (400, _get("/api#x")),
    "semicolon-in-query": (400, _get("/api?a=1;b=2")),
    "bad-escape-in-query": (400, _get("/api?a=%zz")),
    "query-that-is-not-utf-8": (400, _get("/api?a=%ff")),
    "fragment-in-query": (400, _get("/api?a=1#b")),
    "absolute-form": (400, head(f"GET http://{HOST}/{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "authority-form": (400, head(f"GET {HOST} HTTP/1.1", f"Host: {HOST}")),
    "asterisk-form": (400, head("GET * HTTP/1.1", f"Host: {HOST}")),
    "connect": (405, head(f"CONNECT {HOST} HTTP/1.1", f"Host: {HOST}")),
    "head": (405, head(f"HEAD /{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "options": (405, head(f"OPTIONS /{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "trace": (405, head(f"TRACE /{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "method-in-lower-case": (405, head(f"get /{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "http2-preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "h2c": (400, _get("/api", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ")),
    "h2c-without-settings": (400, _get("/api", "Connection: Upgrade", "Upgrade: h2c")),
    "upgrade-without-connection": (400, _get("/api", "Upgrade: websocket")),
    "connection-without-upgrade": (400, _get("/api", "Connection: Upgrade")),
    "http-1.0": (400, head(f"GET /{PASS}/api HTTP/1.0", f"Host: {HOST}")),
    "http-0.9": (400, head(f"GET /{PASS}/api")),
    "http-1.2": (400, head(f"GET /{PASS}/api HTTP/1.2", f"Host: {HOST}")),
    "length-and-chunks": (400, _post("Content-Length: 2", "Transfer-Encoding: chunked") + BODY),
    "two-lengths": (400, _post("Content-Length: 2", "Content-Length: 3") + BODY),
    "two-equal-lengths": (400, _post("Content-Length: 2", "Content-Length: 2") + BODY),
    "lengths-in-one-line": (400, _post("Content-Length: 2, 2") + BODY),
    "signed-length": (400, _post("Content-Length: +2") + BODY),
    "length-in-hexadecimal": (400, _post("Content-Length: 0x2") + BODY),
    "gzip-transfer": (400, _post("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
    "identity-transfer": (400, _post("Transfer-Encoding: identity") + BODY),
    "two-transfers": (400, _post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "hidden-transfer": (400, _post("Transfer-Encoding : chunked") + b"0\r\n\r\n"),
    "bad-chunk": (400, _post("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n"),
    "body-of-get": (400, _get("/api", "Content-Length: 2") + BODY),
    "bytes-after-the-body": (400, _post("Content-Length: 2") + BODY + b"GET"),
    "bytes-after-chunks": (400, _post("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"),
    "pipelined-request": (400, _get("/api") + _get("/api")),
    "no-host": (400, head(f"GET /{PASS}/api HTTP/1.1")),
    "foreign-host": (400, head(f"GET /{PASS}/api HTTP/1.1", "Host: localhost:1")),
    "two-hosts": (400, head(f"GET /{PASS}/api HTTP/1.1", f"Host: {HOST}", f"Host: {HOST}")),
    "folded-header": (400, _get("/api", "Accept: a", " b")),
    "bare-line-feed": (400, _get("/api", "Accept: a\nX-Remote-User: admin")),
    "bare-carriage-return": (400, _get("/api", "Accept: a\rX: b")),
    "null-in-header": (400, _get("/api", "Accept: \x00")),
    "non-ascii-header": (400, _get("/api", "Accept: \xe4")),
    "header-without-colon": (400, _get("/api", "Accept")),
    "space-in-header-name": (400, _get("/api", "Ac cept: x")),
    "space-before-target": (400, head(f"GET  /{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "tab-after-method": (400, head(f"GET\t/{PASS}/api HTTP/1.1", f"Host: {HOST}")),
    "line-break-first": (400, b"\r\n" + _get("/api")),
    "long-line": (414, _get("/api?a=" + "x" * 65_536)),
    "long-headers": (431, _get("/api", *(f"Accept: {'x' * 60_000}" for _ in range(3)))),
    "many-headers": (431, _get("/api", *("X: y" for _ in range(101)))),
    "long-body": (413, _post(f"Content-Length: {8 * 1024 * 1024 + 1}")),
    "unknown-body-type": (
        415,
        head(f"POST /{PASS}/api HTTP/1.1", f"Host: {HOST}", "Content-Type: text/plain", "Content-Length: 2") + BODY,
    ),
    "unknown-expectation": (417, _post("Expect: tea", "Content-Length: 2") + BODY),
}
"""Status and bytes of each request."""
