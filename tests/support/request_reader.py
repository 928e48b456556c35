"""Asks Go and the API server's own code what they read in HTTP requests: the program `requestreader`."""

import json
import os
import shutil
import struct
import subprocess
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tools import e2e_tools

PROGRAM = "requestreader"
TIMEOUT_S = 300
_INFO_TEXTS = ("verb", "api_prefix", "group", "version", "resource", "subresource", "namespace", "name")


@dataclass(frozen=True, slots=True)
class Reading:
    """One request as Go reads it. `error` is set if it reads none, and `info_error` if the API server refuses it."""

    error: str = ""
    method: str = ""
    path: str = ""
    query: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names in alphabetical order, and the values of each."""
    host: str = ""
    body: bytes = b""
    rest: bytes = b""
    """What follows the request."""
    info_error: str = ""
    is_resource: bool = False
    info: tuple[tuple[str, str], ...] = ()
    """Fields of the RequestInfo."""
    parts: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The query as pairs."""
        return [(name, value) for name, values in self.query for value in values]


def path() -> str | None:
    """Returns where the program is; None if nobody has built it."""
    return shutil.which(PROGRAM, path=e2e_tools.cache_folder(os.environ).bin)


def read(program: str, requests: Iterable[bytes]) -> list[Reading]:
    """Returns what Go reads in each request."""
    asked = b"".join(struct.pack(">I", len(request)) + request for request in requests)
    done = subprocess.run([program], input=asked, capture_output=True, check=True, timeout=TIMEOUT_S)
    return [_reading(json.loads(line)) for line in done.stdout.splitlines()]


def _reading(answer: dict[str, Any]) -> Reading:
    if "error" in answer:
        return Reading(error=answer["error"])
    info = answer["info"]
    return Reading(
        method=_text(answer["method"]),
        path=_text(answer["path"]),
        query=tuple(sorted((_text(name), tuple(map(_text, values))) for name, *values in answer["query"])),
        host=_text(answer["host"]),
        body=b64decode(answer["body"]),
        rest=b64decode(answer["rest"]),
        info_error=info.get("error", ""),
        is_resource=info["is_resource"],
        info=tuple((name, _text(info[name])) for name in _INFO_TEXTS),
        parts=tuple(map(_text, info["parts"] or ())),
    )


def _text(encoded: str | None) -> str:
    return b64decode(encoded or "").decode(errors="surrogateescape")
