"""Encodings that the job store writes: arq's job, and field pairs for scripts."""

import json
from collections.abc import Mapping
from typing import Any

from shared.models import JobId

JOB_FUNCTION = "run_job"


def serialize(value: dict[str, Any]) -> bytes:
    """Serializes as JSON. With pickle, arq's default, a writer of Redis could run code in a worker."""
    return json.dumps(value).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """Reverses `serialize`. Raises TypeError if the data is not an object."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise TypeError("an arq job is a JSON object")
    return value


def arq_job(job_id: JobId) -> bytes:
    """Returns arq's job, whose only argument is the job id. Its time is not used; the record has the real one."""
    return serialize({"t": None, "f": JOB_FUNCTION, "a": [job_id], "k": {}, "et": 0})


def record_fields(fields: Mapping[str, str | bytes]) -> list[str | bytes]:
    """Returns names and values in turn, as HSET takes them."""
    return [part for pair in fields.items() for part in pair]
