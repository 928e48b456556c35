"""What gateways and workers of one version leave in Redis for those of the next, in `golden/wire-N.json`.

Where a test here fails, the format has changed: give it a new version, add a golden file, and read the old one too.
A golden file that there is never changes.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from shared.events import OutputEvent
from shared.models import CommandClass, CommandResponse, JobId, JobState, Lane
from shared.sealing import fernet_keys
from shared.sealing.envelope import ENVELOPE_VERSION, RequestEnvelope
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store import record
from shared.store.record import JobRecord
from shared.store.workers import Announcement

FILES = sorted((Path(__file__).parent / "golden").glob("wire-*.json"))
NEWEST = f"wire-{ENVELOPE_VERSION}.json"
MODELS: dict[str, type[BaseModel]] = {
    "request": RequestEnvelope,
    "event": OutputEvent,
    "response": CommandResponse,
    "announcement": Announcement,
}

golden_files = pytest.mark.parametrize("golden", [pytest.param(path, id=path.stem) for path in FILES], indirect=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    path: Path = request.param
    written: dict[str, Any] = json.loads(path.read_text())
    return written


def record_of(golden: dict[str, Any]) -> JobRecord:
    fields = {name.encode(): value.encode() for name, value in golden["record"].items()}
    return record.from_hash(JobId(golden["job_id"]), fields)


def data_key(golden: dict[str, Any], wrapped: bytes | None, purpose: Purpose) -> DataKey:
    assert wrapped is not None
    identity = JobIdentity(JobId(golden["job_id"]), golden["principal"])
    return MasterKeys([golden["master_key"]]).unwrap(wrapped, identity, purpose)


@golden_files
def test_record_of_each_version_is_read(golden: dict[str, Any]) -> None:
    found = record_of(golden)

    assert (found.principal, found.tool, found.lane) == ("anonymous", "helm", Lane.SLOW)
    assert (found.command_class, found.state) == (CommandClass.WRITE, JobState.RUNNING)
    assert (found.attempt, found.time_limit_s) == (1, 330)
    assert found.started_at is not None
    assert (found.started_at - found.created_at).total_seconds() == 1
    assert (found.queue_deadline - found.created_at).total_seconds() == 900


@golden_files
def test_request_of_each_version_opens(golden: dict[str, Any]) -> None:
    key = data_key(golden, record_of(golden).request_key, Purpose.REQUEST_KEY)

    payload = key.open(golden["sealed_request"].encode(), Purpose.REQUEST)

    assert RequestEnvelope.model_validate_json(payload) == RequestEnvelope.model_validate(golden["opened"]["request"])


@golden_files
@pytest.mark.parametrize(
    ("name", "purpose", "sequence"), [("event", Purpose.EVENT, 1), ("response", Purpose.RESPONSE, 0)]
)
def test_output_of_each_version_opens(golden: dict[str, Any], name: str, purpose: Purpose, sequence: int) -> None:
    key = data_key(golden, record_of(golden).output_key, Purpose.OUTPUT_KEY)

    payload = key.open(golden[f"sealed_{name}"].encode(), purpose, sequence)

    assert MODELS[name].model_validate_json(payload) == MODELS[name].model_validate(golden["opened"][name])


@golden_files
def test_announcement_job_and_mark_of_each_version_are_read(golden: dict[str, Any]) -> None:
    announced = Announcement.model_validate_json(golden["announcement"])

    assert announced == Announcement.model_validate(golden["opened"]["announcement"])
    assert MasterKeys([golden["master_key"]]).opens_mark(golden["key_mark"].encode())


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_has_the_fields_of_the_newest_golden_file(name: str) -> None:
    """A field more or less, or another name, is another format."""
    newest = next(path for path in FILES if path.name == NEWEST)

    assert list(MODELS[name].model_fields) == list(json.loads(newest.read_text())["opened"][name])


def test_seal_has_the_version_of_the_golden_files() -> None:
    assert fernet_keys.FORMAT_VERSION == 1


@pytest.mark.parametrize("name", ["event", "response", "announcement"])
def test_field_that_the_next_version_adds_to_what_is_only_shown_is_passed_over(name: str) -> None:
    """A request is the exception: what its worker would leave out may be what matters."""
    for path in FILES:
        written = json.loads(path.read_text())["opened"][name]

        MODELS[name].model_validate({**written, "of_the_next_version": 1})
