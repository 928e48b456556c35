"""The keys with which this gateway opens the output of jobs.

It remembers the keys of the jobs that it submitted last, because it opens most of their results itself.
"""

from shared.events import OutputEvent
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store.attempts import SealedEvent
from shared.store.record import JobRecord

REMEMBERED = 2_000
"""Keys that are remembered, of some 600 bytes each."""


class OutputKeys:
    """Makes and finds the output keys of one gateway process."""

    def __init__(self, master_keys: MasterKeys) -> None:
        self._master_keys = master_keys
        self._remembered: dict[bytes, DataKey] = {}
        """Wrapped key → key, the oldest first."""

    def make(self, identity: JobIdentity) -> bytes:
        """Returns a new key for the output of a job, wrapped by the newest master key."""
        key = DataKey.generate(identity)
        wrapped = key.wrap(self._master_keys, Purpose.OUTPUT_KEY)
        self._remembered[wrapped] = key
        if len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return wrapped

    def of(self, record: JobRecord) -> DataKey:
        """Returns the key of the job's events and response. Raises `SealError` if no master key here unwraps it."""
        known = self._remembered.get(record.output_key)
        if known is not None and known.identity == record.identity:
            return known
        return self._master_keys.unwrap(record.output_key, record.identity, Purpose.OUTPUT_KEY)


def opened(key: DataKey, event: SealedEvent) -> OutputEvent:
    """Decrypts an event. Raises `SealError` if it was sealed for another job or another number."""
    return OutputEvent.model_validate_json(key.open(event.token, Purpose.EVENT, event.sequence))
