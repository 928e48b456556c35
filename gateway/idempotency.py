"""`Idempotency-Key`: a request that is sent again is the job that it was the first time.

The job's id follows from principal and key, and a job is submitted once by its id: whatever arrives twice, at once or
later, on whichever gateway, becomes one job. Draft: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import json
import re

from gateway.preparation import PreparedCall
from shared import job_ids
from shared.errors import ErrorCode, RequestError
from shared.models import JobId
from shared.sealing import MasterKeys

HEADER = "Idempotency-Key"
VALID = re.compile(r"[\x21-\x7e]{1,255}")


def parse(value: str | None) -> str | None:
    """The key; None without one. `RequestError` for what is none."""
    if value is not None and not VALID.fullmatch(value):
        raise RequestError(
            ErrorCode.IDEMPOTENCY_KEY_INVALID, f"{HEADER} takes 1 to 255 printable ASCII characters without blanks."
        )
    return value


def job_id(master_keys: MasterKeys, *, principal: str, key: str) -> JobId:
    """As hard to guess as a random one, for who has no master key."""
    return job_ids.following_from(master_keys, principal, key)


def fingerprint(master_keys: MasterKeys, call: PreparedCall) -> str:
    """Of what the request asks for: two requests with one key must have the same."""
    asked = call.envelope.model_dump(
        mode="json", exclude={"traceparent", "tracestate", "attempt", "queue_wait_s", "kubeconfig"}
    )
    return master_keys.fingerprint("request", call.identity, json.dumps(asked, sort_keys=True))
