"""Which groups an API server is known to serve itself."""

import pytest

from worker.door.requests import local_groups
from worker.door.requests.local_groups import LocalGroups

_GROUP = ("example.com", "v1")
_LOCAL = b'{"kind": "APIService", "spec": {}}'


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_answer_is_remembered_for_its_identity_alone() -> None:
    groups = LocalGroups(clock=_Clock())
    assert groups.keep("mine", _GROUP, _LOCAL)
    assert groups.is_local("mine", _GROUP) is True
    assert groups.is_local("yours", _GROUP) is None
    assert groups.is_local("mine", ("example.com", "v2")) is None


@pytest.mark.parametrize("answer", [None, b'{"kind": "APIService", "spec": {"service": {"name": "x"}}}', b"<html>"])
def test_other_answers_say_that_another_server_serves_the_group(answer: bytes | None) -> None:
    groups = LocalGroups(clock=_Clock())
    assert not groups.keep("mine", _GROUP, answer)
    assert groups.is_local("mine", _GROUP) is False


def test_answer_is_forgotten_after_its_lifetime() -> None:
    clock = _Clock()
    groups = LocalGroups(clock=clock)
    groups.keep("mine", _GROUP, _LOCAL)
    clock.now += local_groups.LIFETIME_S
    assert groups.is_local("mine", _GROUP) is None


def test_forgotten_identity_is_asked_about_anew() -> None:
    groups = LocalGroups(clock=_Clock())
    groups.keep("mine", _GROUP, _LOCAL)
    groups.keep("yours", _GROUP, _LOCAL)
    groups.forget("mine")
    assert groups.is_local("mine", _GROUP) is None
    assert groups.is_local("yours", _GROUP) is True


def test_number_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_groups, "MOST", 2)
    groups = LocalGroups(clock=_Clock())
    for identity in ("a", "b", "a", "c"):
        groups.keep(identity, _GROUP, _LOCAL)
    assert [groups.is_local(identity, _GROUP) for identity in "abc"] == [True, None, True]
