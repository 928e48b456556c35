"""Masks Secrets in the output of `kubectl diff`, which masks their data but not the annotation that repeats it."""

import re

from worker.door.masking.marks import mark
from worker.door.masking.secret_objects import APPLIED
from worker.door.masking.tree import Masked

_LINE = re.compile(r"(?P<marks>[ +-] *)(?P<text>.*)", re.DOTALL)
_FILE = re.compile(r"diff .*[/ ]v1\.Secret\.")
"""Header of a Secret's diff: kubectl names each file by version, kind, namespace and name."""
_APPLIED_KEY = re.compile(rf"[\"']?[\w.-]*/({'|'.join(sorted(APPLIED))})[\"']?:")
_WHOLE_OBJECT = re.compile(r"[\"']?\{.*\"kind\":\s*\"Secret\"")


def mask(text: str) -> Masked:
    """Masks a diff. It never fails, because every text is a valid diff."""
    lines: list[str] = []
    count = 0
    is_secret, depth = False, None
    for line in text.splitlines(keepends=True):
        if line.startswith("diff "):
            is_secret, depth = bool(_FILE.match(line)), None
        found = _LINE.fullmatch(line)
        if found is None:
            lines.append(line)
            depth = None
            continue
        indentation, own = len(found["marks"]), found["text"].rstrip("\n")
        if depth is not None and indentation <= depth:
            depth = None
        starts = is_secret and _APPLIED_KEY.match(own) is not None
        if depth is not None or starts or _WHOLE_OBJECT.match(own):
            key, value = own.split(":", 1) if starts else ("", own)
            count += 1
            lines.append(f"{found['marks']}{key}{': ' if starts else ''}{mark(value.strip())}\n")
            depth = indentation if starts else depth
        else:
            lines.append(line)
    return Masked("".join(lines), count)
