"""A spare that is taken for one command before the command is planned, because the plan needs the spare's directory."""

from dataclasses import replace
from typing import TypeVar

from worker.launcher.channel import close_all
from worker.launcher.pool.spares import ForkError, Spare
from worker.launcher.protocol import WORK, Outfit, SandboxRules, StageSpec

T = TypeVar("T")


class Reservation:
    """A spare with an outfit. What is not handed over is ended and closed by `release`."""

    def __init__(self, spare: Spare, outfit: Outfit) -> None:
        if spare.prepared is None:
            raise ValueError("a plain spare cannot be reserved")
        self.outfit = outfit
        self.directory = spare.prepared.directory
        """The spare's directory. Before `release`, its user removes everything but the working directory."""
        self.child = spare.child
        self._spare: Spare | None = spare
        self._outputs: tuple[int, ...] = (spare.prepared.stdout, spare.prepared.stderr)
        self._rules = outfit.sandbox
        if self._rules is not None:
            self._rules = replace(self._rules, write=(*self._rules.write, str(self.directory)))

    def outputs(self) -> tuple[int, int]:
        """Hands over the reading ends of the command's standard output and standard error."""
        stdout, stderr = self._outputs
        self._outputs = ()
        return stdout, stderr

    def fitted(self, spec: StageSpec) -> StageSpec:
        """Returns the spec without what the spare has prepared. Raises ValueError if it was prepared for others."""
        place = "" if spec.working_directory == str(self.directory / WORK) else spec.working_directory
        return replace(spec, working_directory=place, sandbox=_remaining(self._rules, spec.sandbox))

    def use(self) -> Spare:
        """Hands over the spare, for one command only. Raises ForkError if it has died."""
        spare, self._spare = self._spare, None
        if spare is None:
            raise ForkError("the waiting child was killed")
        return spare

    def lose(self) -> None:
        """Notes that the spare has ended. Only the client calls it."""
        if self._spare is not None:
            self._spare.control.close()
            self._spare = None

    def release(self) -> None:
        """Ends the spare if it was not used, and closes the pipes that nobody took."""
        self.lose()
        close_all(self._outputs)
        self._outputs = ()


def _remaining(prepared: SandboxRules | None, wanted: SandboxRules | None) -> SandboxRules | None:
    """Returns the rules that the command has besides the prepared ones. Raises ValueError if it has fewer."""
    if prepared is None and wanted is None:
        return None
    if (
        prepared is None
        or wanted is None
        or prepared.alone != wanted.alone
        or (prepared.connect_ports is None) != (wanted.connect_ports is None)
    ):
        raise ValueError("the spare is prepared for another sandbox")
    return replace(
        wanted,
        execute=_besides(prepared.execute, wanted.execute),
        read=_besides(prepared.read, wanted.read),
        write=_besides(prepared.write, wanted.write),
        connect_ports=_besides(prepared.connect_ports or (), wanted.connect_ports or ()),
        bind_ports=_besides(prepared.bind_ports, wanted.bind_ports),
        own_ranges=_besides(prepared.own_ranges, wanted.own_ranges),
    )


def _besides(prepared: tuple[T, ...], wanted: tuple[T, ...]) -> tuple[T, ...]:
    known = set(prepared)
    if not known.issubset(wanted):
        raise ValueError("the spare allows more than the command may do")
    return tuple(each for each in wanted if each not in known)
