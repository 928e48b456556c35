"""`mcp-k8s key rotate`: exchanges the master key in the file that gateways and workers follow, in three steps.

Between two steps every process has to know both keys, or nothing may be left that the old one sealed: a step that comes
too soon, twice, or before its turn is refused, for it could forget a key that is needed. So the file says which step
was made last. Terms and order are those of the chart's `masterKeys.rotation`.
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
"""By then every process has read the file again, several times over."""
MARGIN_S = 60.0
"""What a job's keys outlive its longest wait, run and retention by."""


class Step(StrEnum):
    PREPARE = "prepare"
    """A new key is made known: behind the one that seals."""
    SWITCH = "switch"
    """It seals, and the old one still opens."""
    FINISH = "finish"
    """The old one is forgotten."""


KEYS_BEFORE = {Step.PREPARE: 1, Step.SWITCH: 2, Step.FINISH: 2}
FOLLOWING = {Step.PREPARE: Step.SWITCH, Step.SWITCH: Step.FINISH}
MARK = "# made last: "


def rotate(path: Path, step: Step, *, at_once: bool) -> str:
    """Makes one step and says what comes next. `StartError` where it is not its turn, or the file cannot be used.

    `SettingsError` where the wait before a step cannot be known.
    """
    try:
        status = path.stat()
        text = path.read_text()
        keys = split_keys(text)
        MasterKeys(keys)
        _check_turn(path, step, text, keys)
        left_s = status.st_mtime + _wait_before(step, keys) - time.time()
        if left_s > 0 and not at_once:
            raise StartError(f"too soon: {step} can be made in {_minutes(left_s)}")
        state_directory.write_new(path, _text(step, _after(step, keys)), like=status)
    except OSError as error:
        raise StartError(f"{path} cannot be used: {error.strerror}") from error
    except ValueError:
        raise StartError(f"{path} holds something that is no master key") from None
    return _next(step, keys)


def _check_turn(path: Path, step: Step, text: str, keys: list[str]) -> None:
    """A file of two keys that somebody wrote by hand has no mark: who did that knows which step is next."""
    if len(keys) != KEYS_BEFORE[step]:
        raise StartError(f"{path} holds {len(keys)} keys, and {step} takes {KEYS_BEFORE[step]}: {_order()}")
    for made, following in FOLLOWING.items():
        if step is not following and f"{MARK}{made}" in text.splitlines():
            raise StartError(f"{made} was made last, and {following} comes next: {_order()}")


def _text(step: Step, keys: list[str]) -> str:
    mark = f"{MARK}{step}\n" if step in FOLLOWING else ""
    return f"{','.join(keys)}\n{mark}"


def _after(step: Step, keys: list[str]) -> list[str]:
    if step is Step.PREPARE:
        return [*keys, MasterKeys.generate()]
    return keys[::-1] if step is Step.SWITCH else keys[:1]


def _wait_before(step: Step, keys: list[str]) -> float:
    """Seconds since the step before it, which has written the file."""
    if step is Step.PREPARE:
        return 0
    if step is Step.SWITCH:
        return RELOAD_S
    settings = GatewaySettings.load(master_keys=SecretStr(keys[0]))
    return settings.queue_wait_s + settings.max_timeout + settings.retention_s + MARGIN_S


def _next(step: Step, keys: list[str]) -> str:
    if step is Step.PREPARE:
        return f"prepared: a second key is known; {Step.SWITCH} in {_minutes(RELOAD_S)}"
    if step is Step.SWITCH:
        return f"switched: the new key seals; {Step.FINISH} in {_minutes(_wait_before(Step.FINISH, keys))}"
    return "finished: the old key is forgotten"


def _order() -> str:
    return f"the steps are {', '.join(Step)}, in this order"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes
