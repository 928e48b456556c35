import os
import time
from pathlib import Path

import pytest

from cli.errors import StartError
from cli.keys import key_rotation
from cli.keys.key_rotation import Step
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import SettingsError, split_keys

OLD, NEW = MasterKeys.generate(), MasterKeys.generate()
LIFETIME_S = 900 + 3_600 + 3_600 + 60
"""Longest wait, longest run, retention, and what keys outlive them by."""


def key_file(folder: Path, *keys: str, age_s: float = 0) -> Path:
    path = folder / "master-keys"
    path.write_text(",".join(keys) + "\n")
    path.chmod(0o640)
    written_at = time.time() - age_s
    os.utime(path, (written_at, written_at))
    return path


def test_steps_lead_from_the_old_key_to_a_new_one(tmp_path: Path) -> None:
    path = key_file(tmp_path, OLD)

    key_rotation.rotate(path, Step.PREPARE, at_once=False)
    old, new = split_keys(path.read_text())
    key_rotation.rotate(path, Step.SWITCH, at_once=True)
    switched = path.read_text()
    key_rotation.rotate(path, Step.FINISH, at_once=True)

    assert old == OLD
    assert switched == f"{new},{OLD}\n# made last: switch\n"
    assert path.read_text() == f"{new}\n"


def test_file_keeps_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = key_file(tmp_path, OLD)

    key_rotation.rotate(path, Step.PREPARE, at_once=False)

    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("step", "age_s"), [(Step.SWITCH, 40), (Step.FINISH, LIFETIME_S + 60)], ids=["switch", "finish"]
)
def test_step_is_made_when_its_wait_is_over(tmp_path: Path, step: Step, age_s: float) -> None:
    key_rotation.rotate(key_file(tmp_path, OLD, NEW, age_s=age_s), step, at_once=False)


@pytest.mark.parametrize(
    ("step", "age_s", "reason"),
    [(Step.SWITCH, 0, "you can run switch in"), (Step.FINISH, LIFETIME_S - 600, "you can run finish in 10 min")],
    ids=["switch", "finish"],
)
def test_step_that_comes_too_soon_changes_nothing(tmp_path: Path, step: Step, age_s: float, reason: str) -> None:
    path = key_file(tmp_path, OLD, NEW, age_s=age_s)

    with pytest.raises(StartError, match=reason):
        key_rotation.rotate(path, step, at_once=False)

    assert path.read_text() == f"{OLD},{NEW}\n"


@pytest.mark.parametrize(
    ("step", "keys"),
    [(Step.PREPARE, [OLD, NEW]), (Step.SWITCH, [OLD]), (Step.FINISH, [OLD])],
    ids=["prepare", "switch", "finish"],
)
def test_step_out_of_order_is_refused(tmp_path: Path, step: Step, keys: list[str]) -> None:
    with pytest.raises(StartError, match="the order of the steps is"):
        key_rotation.rotate(key_file(tmp_path, *keys), step, at_once=True)


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [([Step.PREPARE], Step.FINISH), ([Step.PREPARE, Step.SWITCH], Step.SWITCH)],
    ids=["finish before switch", "switch twice"],
)
def test_step_that_would_forget_a_key_in_use_is_refused(tmp_path: Path, steps: list[Step], wrong: Step) -> None:
    path = key_file(tmp_path, OLD)
    for step in steps:
        key_rotation.rotate(path, step, at_once=True)
    before = path.read_text()

    with pytest.raises(StartError, match=r"the last step was \w+, so the next one is"):
        key_rotation.rotate(path, wrong, at_once=True)

    assert path.read_text() == before


@pytest.mark.parametrize("content", ["hunter2", "", "hunter2,hunter2"], ids=["no key", "empty", "two"])
def test_file_without_keys_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    with pytest.raises(StartError, match="contains something that is not a master key") as caught:
        key_rotation.rotate(key_file(tmp_path, content), Step.PREPARE, at_once=True)

    assert "hunter2" not in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        key_rotation.rotate(tmp_path / "gone", Step.PREPARE, at_once=True)


def test_wait_that_a_bad_setting_hides_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_MCP_RETENTION_S", "long")

    with pytest.raises(SettingsError, match="K8S_MCP_RETENTION_S"):
        key_rotation.rotate(key_file(tmp_path, OLD, NEW), Step.FINISH, at_once=False)
