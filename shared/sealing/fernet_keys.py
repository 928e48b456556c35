"""Seals values so that a reader of Redis cannot read them and a writer of Redis cannot swap them.

Each job has two fresh Fernet keys (https://github.com/fernet/spec): one for its request, one for its output. The
operator's master keys wrap them. Fernet binds no context, so every sealed value starts with a line that names
version, job, principal, purpose and sequence number, and opening it demands exactly that line.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.models import JobId

FORMAT_VERSION = 1
MAX_CLOCK_SKEW_S = 60
"""Seconds that a value may come from the future, as Fernet itself allows."""
_TIME_CHARACTERS = 12
"""Length of a token's beginning, in base64: a byte for the version and eight for the time (Fernet's specification)."""
MARK = json.dumps([FORMAT_VERSION, "master keys"]).encode() + b"\n"


class Purpose(StrEnum):
    """The purpose of a sealed value."""

    REQUEST_KEY = "request-key"
    OUTPUT_KEY = "output-key"
    REQUEST = "request"
    EVENT = "event"
    RESPONSE = "response"


class SealError(Exception):
    """A sealed value cannot be opened: it has another master key, is too old, or was moved to another place."""


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """The job and the principal that a sealed value belongs to."""

    job_id: JobId
    principal: str

    def binding(self, purpose: Purpose, sequence: int = 0) -> bytes:
        return json.dumps([FORMAT_VERSION, self.job_id, self.principal, purpose, sequence]).encode() + b"\n"


class DataKey:
    """One of a job's two keys: for its request or for its output."""

    def __init__(self, key: bytes, identity: JobIdentity) -> None:
        self._key = key
        self._fernet = Fernet(key)
        self._identity = identity

    @property
    def identity(self) -> JobIdentity:
        return self._identity

    @classmethod
    def generate(cls, identity: JobIdentity) -> "DataKey":
        return cls(Fernet.generate_key(), identity)

    def seal(self, payload: bytes, purpose: Purpose, sequence: int = 0) -> bytes:
        return self._fernet.encrypt(self._identity.binding(purpose, sequence) + payload)

    def open(self, token: bytes, purpose: Purpose, sequence: int = 0) -> bytes:
        """Returns the payload. Raises SealError if the value has another key or belongs to another place."""
        return _open(self._fernet, token, binding=self._identity.binding(purpose, sequence))

    @staticmethod
    def check_age(token: bytes, *, max_s: int) -> None:
        """Raises SealError if the value was sealed more than `max_s` ago, or in the future.

        Only `open` verifies the time in the token, so call it before.
        """
        sealed_at_s = int.from_bytes(base64.urlsafe_b64decode(token[:_TIME_CHARACTERS])[1:])
        if not sealed_at_s - MAX_CLOCK_SKEW_S <= time.time() <= sealed_at_s + max_s:
            raise SealError("the value is too old, or from the future")

    def wrap(self, master: "MasterKeys", purpose: Purpose) -> bytes:
        return master.wrap(self._identity.binding(purpose) + self._key)


class MasterKeys:
    """The operator's keys, newest first. The first one wraps and each one unwraps, so keys can rotate at run time."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ValueError if there is no key, or a key is not 32 bytes in URL-safe base64."""
        self.replace(keys)

    def replace(self, keys: Sequence[str]) -> None:
        """Replaces the keys. If it raises ValueError, the keys stay unchanged."""
        if not keys:
            raise ValueError("no master key")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._keys = [base64.urlsafe_b64decode(key) for key in keys]

    @staticmethod
    def generate() -> str:
        return Fernet.generate_key().decode()

    def wrap(self, payload: bytes) -> bytes:
        return self._fernet.encrypt(payload)

    def seal_mark(self) -> bytes:
        """Returns a sealed value with which other processes test whether they have the newest key."""
        return self.wrap(MARK)

    def opens_mark(self, mark: bytes) -> bool:
        try:
            return not _open(self._fernet, mark, binding=MARK)
        except SealError:
            return False

    def fingerprint(self, purpose: str, *parts: str) -> str:
        """Returns a keyed hash (HMAC-SHA256, hexadecimal) that reveals nothing about its parts without a master key.

        It uses the newest key. A later lookup must try the hashes by all keys (`fingerprints`).
        """
        return self.fingerprints(purpose, *parts)[0]

    def fingerprints(self, purpose: str, *parts: str) -> list[str]:
        """Returns the hashes by all keys, the newest key's first."""
        text = json.dumps([purpose, *parts]).encode()
        return [hmac.new(key, text, hashlib.sha256).hexdigest() for key in self._keys]

    def each(self) -> "list[MasterKeys]":
        """Returns each key separately, newest first."""
        return [MasterKeys([base64.urlsafe_b64encode(key).decode()]) for key in self._keys]

    def unwrap(self, wrapped: bytes, identity: JobIdentity, purpose: Purpose) -> DataKey:
        """Returns the data key. Raises SealError if no master key opens it, or it has another job or purpose."""
        return DataKey(_open(self._fernet, wrapped, binding=identity.binding(purpose)), identity)


def _open(fernet: Fernet | MultiFernet, token: bytes, *, binding: bytes) -> bytes:
    try:
        content = fernet.decrypt(token)
    except InvalidToken as error:
        raise SealError("the value cannot be opened: it has another key or was altered") from error
    if not content.startswith(binding):
        raise SealError("the value belongs to another job, principal, purpose or place")
    return content[len(binding) :]
