"""A run as its caller sees it: it can be waited for and signalled."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from worker.launcher.child import MAX_STAGE_DESCRIPTORS
from worker.launcher.pool.spares import LauncherGoneError, Spare
from worker.launcher.protocol import StageExit, StageSpec

STANDARD_STREAMS = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """A process to start. Its `descriptors` become 0, 1, 2, 3… in this order.

    `Launcher.run` takes ownership of the descriptors, even if it fails. None keeps what a reserved spare has there: no
    input, or a pipe for its output.
    """

    spec: StageSpec
    descriptors: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if not STANDARD_STREAMS <= len(self.descriptors) <= MAX_STAGE_DESCRIPTORS:
            raise ValueError(f"a stage takes {STANDARD_STREAMS} to {MAX_STAGE_DESCRIPTORS} descriptors")

    @property
    def given(self) -> dict[int, int]:
        """The number that each given descriptor gets in the process → the descriptor."""
        return {place: each for place, each in enumerate(self.descriptors) if each is not None}


class Run:
    """The processes that were started together, one for each stage."""

    def __init__(self, spares: Sequence[Spare], send_signal: Callable[[int, int], None]) -> None:
        self._spares = spares
        self._send_signal = send_signal
        self._exits: dict[int, StageExit] = {}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing more will be known of the run. Wait for it with `asyncio.wait`, which never cancels it."""

    @classmethod
    def not_started(cls, stage_count: int, reason: str) -> "Run":
        """Returns a run that has already ended, because it could not be started."""
        run = cls((), lambda child, signum: None)
        for index in range(stage_count):
            run._note(index, _never_started(reason))
        return run

    @property
    def has_ended(self) -> bool:
        return len(self._exits) >= len(self._spares)

    @property
    def living_groups(self) -> tuple[int, ...]:
        """Process groups that are not known to have ended. The ids can be stale; use `signal` to signal the groups."""
        return tuple(spare.pid for spare in self._living)

    @property
    def _living(self) -> list[Spare]:
        return [spare for index, spare in enumerate(self._spares) if index not in self._exits]

    async def wait(self) -> tuple[StageExit, ...]:
        """Waits for all stages and returns how each ended. Raises LauncherGoneError. A cancel sends no signal."""
        await asyncio.wait({self.ended})
        if not self.has_ended:
            raise LauncherGoneError("the launcher ended before the command")
        return tuple(self._exits[index] for index in sorted(self._exits))

    def signal(self, signum: int) -> None:
        """Signals the process group of every stage that still lives."""
        for spare in self._living:
            self._send_signal(spare.child, signum)

    def signal_first(self, signum: int) -> None:
        """Signals the process group of the first stage that still lives."""
        for spare in self._living[:1]:
            self._send_signal(spare.child, signum)

    def begin(self, packets: Sequence[bytes], stages: Sequence[Stage]) -> None:
        """Hands each stage to its child. Only the client calls it. Raises MessageTooLargeError."""
        for index, (spare, packet, stage) in enumerate(zip(self._spares, packets, stages, strict=True)):
            try:
                spare.control.send(packet, tuple(stage.given.values()))
            except ConnectionError:
                self._note(index, _never_started("launcher: the waiting child was killed"))

    def note_exit(self, child: int, ended: StageExit) -> None:
        """Records that a stage's child has ended, with the error that it sent, if any. Only the client calls it."""
        index = next(index for index, spare in enumerate(self._spares) if spare.child == child)
        control = self._spares[index].control
        error = control.receive_now().decode(errors="replace") or None
        control.close()
        self._note(index, replace(ended, started=error is None, error=error))

    def note_gone(self) -> None:
        """Records that the launcher has ended, so the other exits stay unknown. Only the client calls it."""
        for spare in self._spares:
            spare.control.close()
        self._end()

    def _note(self, index: int, ended: StageExit) -> None:
        self._exits.setdefault(index, ended)  # the first report counts: "never started" is followed by an exit
        if self.has_ended:
            self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _never_started(reason: str) -> StageExit:
    return StageExit(None, None, started=False, error=reason)
