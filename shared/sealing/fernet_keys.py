"""Sealing: what a reader of Redis must not learn, and what a writer of Redis must not swap.

Each job has two fresh Fernet keys (https://github.com/fernet/spec): one for its request, one for its output. The
operator's master keys wrap them. Fernet binds no context, so every sealed value starts with a line that names
version, job, principal, purpose and sequence number, and opening it demands exactly that line.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.models import JobId

FORMAT_VERSION = 1
MARK = json.dumps([FORMAT_VERSION, "master keys"]).encode() + b"\n"


class Purpose(StrEnum):
    """What a sealed value is for."""

    REQUEST_KEY = "request-key"
    OUTPUT_KEY = "output-key"
    REQUEST = "request"
    EVENT = "event"
    RESPONSE = "response"


class SealError(Exception):
    """A sealed value that does not open here: another master key, too old, or moved from where it belongs."""


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """Whose job a sealed value belongs to."""

    job_id: JobId
    principal: str

    def binding(self, purpose: Purpose, sequence: int = 0) -> bytes:
        return json.dumps([FORMAT_VERSION, self.job_id, self.principal, purpose, sequence]).encode() + b"\n"


class DataKey:
    """A job's own key, for its request or for its output."""

    def __init__(self, key: bytes, identity: JobIdentity) -> None:
        self._key = key
        self._fernet = Fernet(key)
        self._identity = identity

    @classmethod
    def generate(cls, identity: JobIdentity) -> "DataKey":
        return cls(Fernet.generate_key(), identity)

    def seal(self, payload: bytes, purpose: Purpose, sequence: int = 0) -> bytes:
        return self._fernet.encrypt(self._identity.binding(purpose, sequence) + payload)

    def open(self, token: bytes, purpose: Purpose, sequence: int = 0) -> bytes:
        """The payload. `SealError` if it was sealed by another key or for another place."""
        return _open(self._fernet, token, binding=self._identity.binding(purpose, sequence))

    def check_age(self, token: bytes, *, max_s: int) -> None:
        """`SealError` if it was sealed longer ago, or in the future."""
        try:
            self._fernet.decrypt(token, ttl=max_s)
        except InvalidToken as error:
            raise SealError("the value is too old") from error

    def wrap(self, master: "MasterKeys", purpose: Purpose) -> bytes:
        return master.wrap(self._identity.binding(purpose) + self._key)


class MasterKeys:
    """The operator's keys, newest first: the first one wraps, each of them unwraps, so they rotate at run time."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`ValueError` if there is none, or one that is not 32 bytes in URL-safe base64."""
        self.replace(keys)

    def replace(self, keys: Sequence[str]) -> None:
        """Takes other keys from now on; on `ValueError` they stay as they were."""
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
        """What shows others whether they can open what the newest key seals."""
        return self.wrap(MARK)

    def opens_mark(self, mark: bytes) -> bool:
        try:
            return not _open(self._fernet, mark, binding=MARK)
        except SealError:
            return False

    def fingerprint(self, purpose: str, *parts: str) -> str:
        """A keyed hash (HMAC-SHA256, hexadecimal) that says nothing of its parts to who has no master key.

        By the newest key: what is looked up by it later has to be looked up by each.
        """
        return self.fingerprints(purpose, *parts)[0]

    def fingerprints(self, purpose: str, *parts: str) -> list[str]:
        """The same by each key, newest first."""
        text = json.dumps([purpose, *parts]).encode()
        return [hmac.new(key, text, hashlib.sha256).hexdigest() for key in self._keys]

    def each(self) -> "list[MasterKeys]":
        """Each key alone, newest first."""
        return [MasterKeys([base64.urlsafe_b64encode(key).decode()]) for key in self._keys]

    def unwrap(self, wrapped: bytes, identity: JobIdentity, purpose: Purpose) -> DataKey:
        """The data key. `SealError` if no master key opens it or it belongs to another job or purpose."""
        return DataKey(_open(self._fernet, wrapped, binding=identity.binding(purpose)), identity)


def _open(fernet: Fernet | MultiFernet, token: bytes, *, binding: bytes) -> bytes:
    try:
        content = fernet.decrypt(token)
    except InvalidToken as error:
        raise SealError("the value does not open: another key, or altered") from error
    if not content.startswith(binding):
        raise SealError("the value belongs to another job, principal, purpose or place")
    return content[len(binding) :]
