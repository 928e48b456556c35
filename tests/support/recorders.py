"""Recorders of output, with a store that may be no server at all."""

from redis.asyncio import Redis

from shared.events import OutputEvent
from shared.models import ANONYMOUS
from shared.sealing.fernet_keys import DataKey, JobIdentity, Purpose
from shared.store.attempts import Attempt, SealedEvent
from shared.store.job_store import JobStore
from tests.support.jobs import new_job_id
from worker.job_control import JobControl
from worker.output.recorder import OutputLimits, OutputRecorder

LIMITS = OutputLimits(response_characters=1_000, stored_bytes=1_000_000)


def recorder_of(limits: OutputLimits = LIMITS) -> OutputRecorder:
    """One that is only added to and read: it never reaches its store."""
    attempt = Attempt(new_job_id(), "fence")
    store = JobStore(Redis(host="nowhere.invalid"))
    return OutputRecorder(store, attempt, JobControl(), key=key_of(attempt), limits=limits)


def key_of(attempt: Attempt) -> DataKey:
    return DataKey.generate(JobIdentity(attempt.job_id, ANONYMOUS))


def opened(key: DataKey, events: list[SealedEvent]) -> list[OutputEvent]:
    """Fails for an event that was sealed for another place in the stream."""
    return [OutputEvent.model_validate_json(key.open(event.token, Purpose.EVENT, event.sequence)) for event in events]
