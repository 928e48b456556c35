"""Reads the target of a request: the pass, the path on the API server and the query.

Each of them is decoded once and written anew. A target that two readers could read differently is refused.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote_to_bytes

from worker.door.http.errors import BadRequestError

_PASS = re.compile(rb"/(?P<pass>[A-Za-z0-9_-]+)(?P<rest>/.*|)", re.DOTALL)
_PATH = re.compile(rb"(?:/(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+)*/?")
"""Segments of RFC 3986, without `;`, and none of them empty except the last one."""
_QUERY = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,=:@/?\[\]|^`{}\"<>\\-]|%[0-9A-Fa-f]{2})*")
_KEPT_IN_PATHS = "!$&'()*+,=:@~"
_REFUSED_WHEN_DECODED = re.compile(r"[/\\;%\x00-\x1f\x7f-\U0010ffff]")
_DOT_SEGMENTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for."""

    pass_: str
    path: str
    """The path on the API server, decoded; it begins with a slash."""
    query: tuple[tuple[str, str], ...]
    """Names and values, decoded, in their order."""

    @property
    def written(self) -> str:
        """Path and query as they are sent to the API server."""
        query = written_query(self.query)
        return f"{written_path(self.path)}?{query}" if query else written_path(self.path)


def parse(raw: bytes) -> Target:
    """Reads a target in origin form, which begins with a pass. Raises `BadRequestError`."""
    raw_path, _, raw_query = raw.partition(b"?")
    match = _PASS.fullmatch(raw_path)
    if match is None:
        raise BadRequestError("its path does not begin with a pass")
    return Target(match["pass"].decode(), path(match["rest"]), query(raw_query))


def parse_without_pass(raw: bytes) -> Target:
    """Reads a target as the API server would get it. Raises `BadRequestError`."""
    raw_path, _, raw_query = raw.partition(b"?")
    return Target("", path(raw_path), query(raw_query))


def path(raw: bytes) -> str:
    """Decodes a path, which is `/` where it is empty. Raises `BadRequestError`."""
    if not _PATH.fullmatch(raw):
        raise BadRequestError("its path is not one that every reader reads alike")
    segments = [_decoded(segment) if b"%" in segment else segment.decode() for segment in raw.split(b"/")]
    if not _DOT_SEGMENTS.isdisjoint(segments) or (b"%" in raw and any(map(_REFUSED_WHEN_DECODED.search, segments))):
        raise BadRequestError("a segment of its path means something else to some readers")
    return "/".join(segments) or "/"


def query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Reads a query as Go's `url.ParseQuery` does. Raises `BadRequestError`."""
    if not _QUERY.fullmatch(raw):
        raise BadRequestError("its query has a character or an escape that is not valid")
    pairs = [pair.partition(b"=") for pair in raw.split(b"&") if pair]
    return tuple((_decoded(_spaced(name)), _decoded(_spaced(value))) for name, _, value in pairs)


def written_path(decoded: str) -> str:
    """Encodes a path."""
    return quote(decoded, safe=f"/{_KEPT_IN_PATHS}")


def written_query(pairs: tuple[tuple[str, str], ...]) -> str:
    """Encodes a query."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def _spaced(raw: bytes) -> bytes:
    return raw.replace(b"+", b" ")


def _decoded(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadRequestError("its path or query is not UTF-8") from None
