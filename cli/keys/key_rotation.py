"""`mcp-k8s key rotate`: replaces the master key in the file that gateways and workers read, in three steps.

Before `switch`, every process must know both keys. Before `finish`, no data that the old key sealed may be left. A step
that comes too soon, twice or out of order could remove a key that is still needed, so it is refused. For this the file
records the last step. The chart's `masterKeys.rotation` uses the same steps.
"""

import time
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from cli.errors import StartError
from cli.up import state_directory
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings, split_keys

RELOAD_S = 30.0
"""Seconds until every process has certainly read the file again."""
MARGIN_S = 60.0
"""Seconds that a job's keys are kept beyond its longest wait, run and retention."""


class Step(StrEnum):
    PREPARE = "prepare"
    """Adds a new key, which does not seal yet."""
    SWITCH = "switch"
    """Seals with the new key. The old key still opens."""
    FINISH = "finish"
    """Removes the old key."""


KEYS_BEFORE = {Step.PREPARE: 1, Step.SWITCH: 2, Step.FINISH: 2}
FOLLOWING = {Step.PREPARE: Step.SWITCH, Step.SWITCH: Step.FINISH}
MARK = "# made last: "


def rotate(path: Path, step: Step, *, at_once: bool) -> str:
    """Runs one step and returns a message that names the next one.

    Raises `StartError` if the step is out of order or the file cannot be used, and `SettingsError` if the settings
    that the wait depends on are not valid.
    """
    try:
        status = path.stat()
        text = path.read_text()
        keys = split_keys(text)
        MasterKeys(keys)
        _check_turn(path, step, text, keys)
        left_s = status.st_mtime + _wait_before(step, keys) - time.time()
        if left_s > 0 and not at_once:
            raise StartError(f"too soon: you can run {step} in {_minutes(left_s)}")
        state_directory.write_new(path, _text(step, _after(step, keys)), like=status)
    except OSError as error:
        raise StartError(f"{path} cannot be used: {error.strerror}") from error
    except ValueError:
        raise StartError(f"{path} contains something that is not a master key") from None
    return _next(step, keys)


def _check_turn(path: Path, step: Step, text: str, keys: list[str]) -> None:
    """Raises `StartError` if the step is out of order. If the file has no mark, only the number of keys is checked."""
    if len(keys) != KEYS_BEFORE[step]:
        raise StartError(f"{path} contains {len(keys)} keys, but {step} needs {KEYS_BEFORE[step]}: {_order()}")
    for made, following in FOLLOWING.items():
        if step is not following and f"{MARK}{made}" in text.splitlines():
            raise StartError(f"the last step was {made}, so the next one is {following}: {_order()}")


def _text(step: Step, keys: list[str]) -> str:
    mark = f"{MARK}{step}\n" if step in FOLLOWING else ""
    return f"{','.join(keys)}\n{mark}"


def _after(step: Step, keys: list[str]) -> list[str]:
    if step is Step.PREPARE:
        return [*keys, MasterKeys.generate()]
    return keys[::-1] if step is Step.SWITCH else keys[:1]


def _wait_before(step: Step, keys: list[str]) -> float:
    """Returns the seconds that must pass after the previous step, which wrote the file."""
    if step is Step.PREPARE:
        return 0
    if step is Step.SWITCH:
        return RELOAD_S
    settings = GatewaySettings.load(master_keys=SecretStr(keys[0]))
    return settings.queue_wait_s + settings.max_timeout + settings.retention_s + MARGIN_S


def _next(step: Step, keys: list[str]) -> str:
    if step is Step.PREPARE:
        return f"prepared: a second key was added; run {Step.SWITCH} in {_minutes(RELOAD_S)}"
    if step is Step.SWITCH:
        return f"switched: the new key seals; run {Step.FINISH} in {_minutes(_wait_before(Step.FINISH, keys))}"
    return "finished: the old key was removed"


def _order() -> str:
    return f"the order of the steps is {', '.join(Step)}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes
