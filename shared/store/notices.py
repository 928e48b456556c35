"""What a gateway hears on its channel: that a job which a request there follows has changed, or that one has ended."""

import json
from dataclasses import dataclass

from shared.models import JobId
from shared.store import record
from shared.store.job_store import StoredJob


@dataclass(frozen=True, slots=True)
class EndNotice:
    """A finished job. Without `has_response`, its response was too long for a notice and must be read."""

    job: StoredJob
    has_response: bool


def read(data: bytes) -> JobId | EndNotice:
    """Returns the finished job, or the id of the job that has changed."""
    if not data.startswith(b"{"):
        return JobId(data.decode())
    notice = json.loads(data)
    fields = {name.encode(): value.encode() for name, value in notice["record"].items()}
    response: str | None = notice.get("response")
    stored = StoredJob(record.from_hash(JobId(notice["id"]), fields), response.encode() if response else None)
    return EndNotice(stored, has_response=response is not None)
