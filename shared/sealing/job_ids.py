"""Job ids: 128 bits that nobody can guess, the second of the submit, and a short keyed hash of the two.

While callers are anonymous the id is the capability, and that rests on the 128 bits alone. The hash only tells an id
that was once issued from one that is made up, when there is no record any more: by any master key, on any gateway.
"""

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.models import JOB_ID_PATTERN, JobId
from shared.sealing.fernet_keys import MasterKeys

RANDOM_DIGITS = 32
TIME_DIGITS = 8
MAC_DIGITS = 8
"""Who forges one is told 410 instead of 404."""
PURPOSE = "job id"


@dataclass(frozen=True, slots=True)
class Issue:
    """That an id was issued, and when; None for one that follows from an idempotency key."""

    at: datetime | None


def new(master_keys: MasterKeys) -> JobId:
    """One that is hard to guess."""
    body = f"{secrets.token_hex(RANDOM_DIGITS // 2)}{int(time.time()):0{TIME_DIGITS}x}"
    return _with_mac(body, master_keys.fingerprint(PURPOSE, body))


def following_from(master_keys: MasterKeys, *parts: str) -> JobId:
    """Always the same for the same parts, and as hard to guess as another for who has no master key."""
    body = f"{master_keys.fingerprint(PURPOSE, *parts)[:RANDOM_DIGITS]}{0:0{TIME_DIGITS}x}"
    return _with_mac(body, master_keys.fingerprint(PURPOSE, body))


def issue_of(master_keys: MasterKeys, job_id: JobId) -> Issue | None:
    """None for an id that no gateway with one of these keys has issued."""
    if not JOB_ID_PATTERN.fullmatch(job_id):
        return None
    body = job_id[: RANDOM_DIGITS + TIME_DIGITS]
    known = [_with_mac(body, fingerprint) for fingerprint in master_keys.fingerprints(PURPOSE, body)]
    if not any(hmac.compare_digest(job_id, each) for each in known):
        return None
    at_s = int(body[RANDOM_DIGITS:], 16)
    return Issue(datetime.fromtimestamp(at_s, UTC) if at_s else None)


def _with_mac(body: str, fingerprint: str) -> JobId:
    return JobId(body + fingerprint[:MAC_DIGITS])
