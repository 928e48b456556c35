"""Job ids consist of 128 random bits, the second of the submit, and a short keyed hash of both.

For anonymous callers the id is the capability, and only its 128 random bits protect it. The hash tells an id that a
gateway has issued from an invented one after the record has expired, with any master key and on any gateway.
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
"""Length of the hash. A forged hash only turns the answer 404 into 410."""
PURPOSE = "job id"


@dataclass(frozen=True, slots=True)
class Issue:
    """Proof that an id was issued, and the time; None for an id that is derived from an idempotency key."""

    at: datetime | None


def new(master_keys: MasterKeys) -> JobId:
    """Returns a new random id."""
    body = f"{secrets.token_hex(RANDOM_DIGITS // 2)}{int(time.time()):0{TIME_DIGITS}x}"
    return _with_mac(body, master_keys.fingerprint(PURPOSE, body))


def following_from(master_keys: MasterKeys, *parts: str) -> JobId:
    """Returns the same id for the same parts. It is as hard to guess as a random one without a master key."""
    body = f"{master_keys.fingerprint(PURPOSE, *parts)[:RANDOM_DIGITS]}{0:0{TIME_DIGITS}x}"
    return _with_mac(body, master_keys.fingerprint(PURPOSE, body))


def issue_of(master_keys: MasterKeys, job_id: JobId) -> Issue | None:
    """Returns None if no gateway with one of these keys has issued the id."""
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
