"""HTTP requests at random: what parsers read differently stands in them again and again."""

import random
from collections.abc import Iterator
from urllib.parse import quote

SEGMENTS = (
    *("api", "apis", "v1", "apps", "namespaces", "pods", "nodes", "secrets", "x", "a", "exec", "log", "proxy", "watch"),
    *(
        "status",
        "finalize",
        "token",
        "example.com",
        "a:b",
        "a@b",
        "a+b",
        "a=b",
        "a&b",
        "a,b",
        "$",
        "!",
        "*",
        "(a)",
        "~",
    ),
)
ODD_SEGMENTS = (
    *("", ".", "..", "%2e", "%2E%2e", "%2F", "a%2fb", "%5C", "\\", "a;b", "%3B", ";", "%", "%4", "%zz", "%00", "%0a"),
    *(
        "%41",
        "%7E",
        "%c3%a9",
        "é",
        "\u200b",
        "%ff",
        "%20",
        " ",
        "\t",
        "#",
        "#a",
        "%23",
        "%3F",
        '"',
        "<a>",
        "^",
        "`",
        "|",
    ),
    *("[::1]", "http:", "//", "\x7f", "\x00", "\x0b", "%u0041", "%25", "%252F", "'"),
)
NAMES = ("watch", "fieldSelector", "labelSelector", "limit", "timeoutSeconds", "dryRun", "command", "pretty", "a", "")
VALUES = (
    *("", "0", "1", "true", "False", "FAL%C5%BFE", "fal\u017fe", "All", "metadata.name%3Dweb", "metadata.name=web"),
    *(
        "metadata.name%3D%3Dweb",
        "metadata.name!%3Dweb,metadata.name%3Da",
        "metadata.name%3Da%5C%2Cb",
        "%5C",
        "x%3D%5C%5C",
    ),
    *("metadata.name%3D..", "metadata.name%3D", "spec.nodeName%3Da,metadata.name%3Db", ",", "metadata.name"),
    *("metadata.name%3Da%25", "metadata.name%3Da%2Fb", "app%3Dweb", "app+in+(a,b)", "!app", "app%3E1", "app+notin+(,)"),
    *("app+in", "app%3D%3D%3Db", "a.b/c", "-x", "5", "-5", "+5", "%2B5", "05", "1_0", "9223372036854775808", "x"),
    *("a+b", "a%20b", "a%2Bb", "sh", "-c", "echo%20hi%20%3E%20/dev/null", "%26", "%3D", "%c3%a9", "é", "%ff", "%00"),
)
ODD_VALUES = (";", "a;b=c", "%", "%4", "%zz", " ", "#", "&", "\x00", "\x80", "%3B", "[]", "\\", "?", "=", "//")
METHODS = ("GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE")
ODD_METHODS = ("HEAD", "OPTIONS", "CONNECT", "TRACE", "get", "Get", "PRI", "", "G T", "POST\t", "FOO", "GE\x00T", "é")
VERSIONS = ("HTTP/1.1",) * 30 + (
    "HTTP/1.0",
    "HTTP/0.9",
    "HTTP/2.0",
    "HTTP/1.2",
    "HTTP/1.10",
    "http/1.1",
    "",
    "HTTP/1.1 ",
)
ENDS = ("\r\n",) * 60 + ("\n", "\r", "\n\r", "\r\r\n", " \r\n")
HEADERS = (
    *(
        "Accept: application/json",
        "User-Agent: kubectl/v1.37.2",
        "Accept-Encoding: gzip",
        "Content-Type: application/json",
    ),
    *("Kubectl-Command: kubectl get", "X-Stream-Protocol-Version: v4.channel.k8s.io", "Connection: keep-alive"),
)
ODD_HEADERS = (
    *("Host: other.example", "host: 127.0.0.1:4321", "Content-Length: 5", "Content-Length: 0", "Content-Length: +3"),
    *("Content-Length: 3, 3", "content-length: 03", "Content-Length: -1", "Content-Length: 0x3", "Content-Length:"),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
    ),
    *("Transfer-Encoding: chunked, chunked", "transfer-encoding:\tchunked", "Transfer-Encoding : chunked"),
    *("Transfer-Encoding: \x0bchunked", "Transfer-Encoding:chunked\x00", " Accept: a", "\tb", "Accept : a", "Accept"),
    *(": a", "A\x00: b", "A: b\x00", "A: b\rC: d", "A: b\nTransfer-Encoding: chunked", "Expect: 100-continue"),
    *(
        "Upgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings",
        "Connection: close",
        "Trailer: X",
        "é: a",
        "A: é",
        "A(b): c",
    ),
)
BODIES = (b"", b"", b"{}", b'{"dryRun": ["All"]}', b"a=b", b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
ODD_CHUNKS = (
    *(
        b"2\r\n{}\r\n0\r\n\r\n",
        b"02\r\n{}\r\n0\r\n\r\n",
        b"2;a=b\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
    ),
    *(
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nX: y\r\n\r\n",
        b"2\r\n{}",
    ),
    *(
        b"\r\n2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\n",
        b"2;\n{}\r\n0\r\n\r\n",
        b"00\r\n\r\n",
        b"fffffffffffffffff\r\n{}",
    ),
    *(
        b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
        b"2\r\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    ),
)
FIELD_PARTS = (
    *("metadata.name", "spec", "=", "==", "!=", ",", "web", "a", "\\", "\\,", "\\=", "\\\\", "/", "%", "..", " ", ""),
)
LABEL_PARTS = (
    *(
        "app",
        "a.b/c",
        "in",
        "notin",
        "=",
        "==",
        "!=",
        "!",
        ">",
        "<",
        "(",
        ")",
        ",",
        " ",
        "\t",
        "web",
        "1",
        "-1",
        "_",
        "A.b",
    ),
    *("(a,b)", "()", "(,)", " in (a)", " notin (a,,b)", "é", "/", "x" * 63, "x" * 64, "99999999999999999999", ""),
)
RARELY = 1 / 12
HALF = 1 / 2
MOST_SEGMENTS = 8


def cases(count: int, source: random.Random, *, prefix: str = "", host: str = "127.0.0.1:4321") -> Iterator[bytes]:
    """Yields requests whose paths begin with `prefix`; most of them are valid."""
    for _ in range(count):
        yield _case(source, prefix, host)


def lists(count: int, source: random.Random) -> Iterator[bytes]:
    """Yields requests for lists with selectors, many of which are valid."""
    for _ in range(count):
        fields = "metadata.name=web" + source.choice(("", "", ",")) if source.random() < 1 - RARELY else ""
        if source.random() < HALF:
            fields += _joined(source, FIELD_PARTS)
        labels = _joined(source, LABEL_PARTS) if source.random() < HALF else _requirements(source)
        watch = source.choice(("", "&watch", "&watch=fal%C5%BFe", "&watch=FALSE"))
        target = f"/api/v1/pods?fieldSelector={quote(fields, safe='')}&labelSelector={quote(labels, safe='')}{watch}"
        yield f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def _requirements(source: random.Random) -> str:
    """Returns a label selector that is valid but for a detail or two."""
    requirements = []
    for _ in range(source.randint(1, 2)):
        values = _joined(source, ("a", "b", " b", ",", ",", " ", " in"))
        operators = ("=", " == ", "!=", ">", "<", "", f" in ({values})", f" notin ( {values})", f"in({values})", " in")
        value = source.choice(("", "a", "1", "in", " b ", "-"))
        requirements.append(
            source.choice(("", "", "!", " ")) + source.choice(("app", "a.b/c", "in")) + source.choice(operators)
        )
        requirements[-1] += value if source.random() < HALF else ""
    return ",".join(requirements)


def _joined(source: random.Random, parts: tuple[str, ...]) -> str:
    return "".join(source.choices(parts, k=source.choice((0, 1, 2, 3, 3, 4, 6))))


def _case(source: random.Random, prefix: str, host: str) -> bytes:
    end = source.choice(ENDS)
    body, headers = _body(source)
    lines = [
        f"{_rarely(source, METHODS, ODD_METHODS)} {_target(source, prefix)} {source.choice(VERSIONS)}",
        *([] if source.random() < RARELY / 2 else [f"Host: {host}"]),
        *source.sample(HEADERS, k=source.randint(0, 3)),
        *headers,
        *([source.choice(ODD_HEADERS)] if source.random() < RARELY else []),
    ]
    raw = "".join(line + end for line in [*lines, ""]).encode() + body
    return _mutated(raw, source) if source.random() < RARELY else raw


def _rarely(source: random.Random, usual: tuple[str, ...], odd: tuple[str, ...]) -> str:
    return source.choice(odd if source.random() < RARELY / 2 else usual)


def _target(source: random.Random, prefix: str) -> str:
    segments = [_rarely(source, SEGMENTS, ODD_SEGMENTS) for _ in range(source.randint(0, MOST_SEGMENTS))]
    start = source.choice(("", "/api/v1", "/apis/apps/v1", "/api/v1/namespaces/x"))
    path = prefix + start + "".join(f"/{segment}" for segment in segments)
    target = (path or "/") + source.choice(("",) * 8 + ("/",)) + _query(source)
    return source.choice(("http://127.0.0.1:4321", "//host", "*")) + target if source.random() < RARELY / 6 else target


def _query(source: random.Random) -> str:
    if source.random() < HALF:
        return ""
    pairs = [_pair(source) for _ in range(source.randint(0, 4))]
    return "?" + "&".join(pairs)


def _pair(source: random.Random) -> str:
    value = _rarely(source, VALUES, ODD_VALUES)
    return source.choice(NAMES) + source.choice(("=",) * 9 + ("", "==")) + value


def _body(source: random.Random) -> tuple[bytes, list[str]]:
    """Returns a body, as it is sent, and the headers that tell its length."""
    body = source.choice(BODIES)
    kind = source.random()
    if kind < HALF:
        return body, [f"Content-Length: {len(body)}"] if body or source.random() < HALF else []
    if kind < 1 - RARELY:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:3], body[3:]) if piece)
        return chunks + b"0\r\n\r\n", ["Transfer-Encoding: chunked"]
    return source.choice(ODD_CHUNKS), ["Transfer-Encoding: chunked"]


def _mutated(raw: bytes, source: random.Random) -> bytes:
    """Changes, adds, removes or repeats some bytes."""
    for _ in range(source.randint(1, 3)):
        first = source.randrange(len(raw) + 1)
        last = min(len(raw), first + source.randint(0, 3))
        piece = source.choice((b"", raw[first:last] * 2, bytes([source.randrange(256)]), b"\r\n", b" ", b"%", b"/"))
        raw = raw[:first] + piece + raw[last:]
    return raw
