"""A command's stages as one: connected by pipes, and judged together as with a shell's `pipefail`."""

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from worker.launcher.client import Stage
from worker.launcher.protocol import StageExit
from worker.run.command_plan import CommandPlan


class ToolEnd(Enum):
    """How the end of the first stage is judged, which is the tool's."""

    AS_ANY = "as that of any other"
    MUST_FINISH = "what it still had to do when a filter read no further is not done: it has failed"
    EXCUSED = "it was ended as it had to be: the filters are judged"


class Held(NamedTuple):
    """What the first stage prints is read here, and what the second one is to read is written here."""

    printed: int
    passed_on: int


@dataclass(frozen=True, slots=True)
class Connected:
    """Stages that are ready to start, and the ends of their pipes that are read here."""

    stages: tuple[Stage, ...]
    stdout: int
    """Of the last stage."""
    stderr: tuple[int, ...]
    """Of each stage."""
    held: Held | None = None
    """Between the first stage and the second, where the first one's output is masked."""

    def close(self) -> None:
        """The ends that are read here; the stages' own belong to the launcher's client."""
        for descriptor in (self.stdout, *self.stderr, *(self.held or ())):
            os.close(descriptor)


def connect(plan: CommandPlan) -> Connected:
    """Each stage's output becomes the next one's input, but for what is masked before. Owns the plan's descriptors."""
    with ExitStack() as opened:
        opened.callback(plan.close)
        stages: list[Stage] = []
        errors: list[int] = []
        reading, inherited = plan.stdin, plan.inherited
        held = None
        for spec in (plan.spec, *plan.filters):
            output, stdout = _pipe(opened)
            error, stderr = _pipe(opened)
            stages.append(Stage(spec, (reading, stdout, stderr, *inherited)))
            errors.append(error)
            reading, inherited = output, ()
            if plan.masking is not None and held is None and plan.filters:
                reading, passed_on = _pipe(opened)
                held = Held(output, passed_on)
        opened.pop_all()
    return Connected(tuple(stages), reading, tuple(errors), held)


def deciding(exits: Sequence[StageExit], tool_end: ToolEnd) -> int:
    """The place of the stage whose end is the command's: the first that failed, or the last.

    A stage that SIGPIPE ended did not fail: a later one stopped reading, and is judged itself.
    """
    excused = [*(ended.signal == signal.SIGPIPE for ended in exits[:-1]), False]
    if len(exits) > 1 and tool_end is not ToolEnd.AS_ANY:
        excused[0] = tool_end is ToolEnd.EXCUSED
    failed = [place for place, ended in enumerate(exits) if ended.exit_code != 0 and not excused[place]]
    return failed[0] if failed else len(exits) - 1


def _pipe(opened: ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends
