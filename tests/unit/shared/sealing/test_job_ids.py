import time

import pytest

from shared.models import JOB_ID_PATTERN, JobId
from shared.sealing import job_ids
from shared.sealing.fernet_keys import MasterKeys
from shared.sealing.job_ids import Issue

OLD, NEW, OTHER = [MasterKeys.generate() for _ in range(3)]


def test_issued_id_says_when_it_was_issued() -> None:
    before_s = int(time.time())
    job_id = job_ids.new(MasterKeys([OLD]))
    issue = job_ids.issue_of(MasterKeys([OLD]), job_id)

    assert JOB_ID_PATTERN.fullmatch(job_id)
    assert issue is not None
    assert issue.at is not None
    assert before_s <= issue.at.timestamp() <= time.time()


def test_any_of_the_keys_tells() -> None:
    rotating = MasterKeys([NEW, OLD])

    assert job_ids.issue_of(rotating, job_ids.new(MasterKeys([OLD])))
    assert job_ids.issue_of(MasterKeys([NEW]), job_ids.new(rotating))
    assert job_ids.issue_of(MasterKeys([OTHER]), job_ids.new(rotating)) is None


def test_id_that_follows_from_something_is_always_the_same_and_has_no_time() -> None:
    first = job_ids.following_from(MasterKeys([OLD]), "anonymous", "key")

    assert job_ids.following_from(MasterKeys([OLD, NEW]), "anonymous", "key") == first
    assert job_ids.following_from(MasterKeys([OLD]), "anonymous", "other") != first
    assert job_ids.issue_of(MasterKeys([NEW, OLD]), first) == Issue(None)


@pytest.mark.parametrize("place", [0, 31, 32, 39, 40, 47])
def test_id_that_was_changed_anywhere_is_made_up(place: int) -> None:
    job_id = job_ids.new(MasterKeys([OLD]))
    digit = "0" if job_id[place] != "0" else "1"

    assert job_ids.issue_of(MasterKeys([OLD]), JobId(job_id[:place] + digit + job_id[place + 1 :])) is None


@pytest.mark.parametrize("text", ["", "0" * 47, "0" * 49, "€" * 48, "G" * 48])
def test_what_is_no_id_was_not_issued(text: str) -> None:
    assert job_ids.issue_of(MasterKeys([OLD]), JobId(text)) is None
