"""`Idempotency-Key`: a request that is sent again with the same key gets the same job.

The job's id is derived from principal and key, and an id is submitted only once. So two requests with one key become
one job, on any gateway. Draft: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import json
import re
from dataclasses import dataclass

from gateway import store_calls
from gateway.intake.preparation import PreparedCall
from shared.errors import ErrorCode, RequestError
from shared.models import JobId
from shared.sealing import job_ids
from shared.sealing.fernet_keys import MasterKeys
from shared.store.job_store import JobStore

HEADER = "Idempotency-Key"
ASKED = {"tool", "arguments", "filters", "credentials", "stdin", "files"}
"""Fields of a command that its caller sends. Versions may derive the other fields from them in different ways."""
VALID = re.compile(r"[\x21-\x7e]{1,255}")


def parse(value: str | None) -> str | None:
    """Returns the key; None if there is none. Raises `RequestError` if the key is not valid."""
    if value is not None and not VALID.fullmatch(value):
        raise RequestError(
            ErrorCode.IDEMPOTENCY_KEY_INVALID, f"{HEADER} takes 1 to 255 printable ASCII characters without blanks."
        )
    return value


@dataclass(frozen=True, slots=True)
class Identity:
    """The id of a job, which cannot be guessed without a master key.

    `fingerprint` is a hash of the request. Two requests with one idempotency key must have the same.
    """

    job_id: JobId
    fingerprint: str


async def chosen(store: JobStore, master_keys: MasterKeys, call: PreparedCall) -> Identity:
    """Returns the identity of the call's job: derived from its idempotency key, or random without a key."""
    if call.idempotency_key is None:
        return Identity(job_ids.new(master_keys), "")
    newest, *older = _identities(master_keys, call, call.idempotency_key)
    if older:
        async with store_calls.bounded():
            stored = await store.read([identity.job_id for identity in older])
        older = [identity for identity, job in zip(older, stored, strict=True) if job is not None]
    return older[0] if older else newest


def _identities(master_keys: MasterKeys, call: PreparedCall, key: str) -> list[Identity]:
    """Returns one identity for each master key, newest first: during a key rotation, an older key's job may exist."""
    asked = call.envelope.command.model_dump(mode="json", include=ASKED)
    request = (call.identity, json.dumps([asked, call.envelope.time_limit_s], sort_keys=True))
    return [
        Identity(job_ids.following_from(each, call.caller.principal, key), each.fingerprint("request", *request))
        for each in master_keys.each()
    ]
