"""The programs of a control plane as child processes: started, waited for, and ended whatever happens."""

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.product import Process
from tests.support.vanishing_folder import VanishingFolder

READY_TIMEOUT_S = 60.0
"""On an idle machine everything is ready in a fifth of it."""
INTERVAL_S = 0.05
LOG_LINES = 15
TAKEN = re.compile(r"([\w.\[\]:]+:\d+): (?:bind: )?address already in use", re.IGNORECASE)
"""As Go and Valkey say it."""


class PortTakenError(Exception):
    """Somebody else was quicker; the text says in one line who found what taken, and what to do."""


@dataclass
class Daemons:
    """Processes that live together. None outlives the tests: the kernel ends them with this process."""

    folder: VanishingFolder
    processes: list[Process] = field(default_factory=list)

    def start(self, name: str, command: list[str], **environment: str) -> Process:
        """Does not wait for it. Its output goes to `<name>.log` in the folder, in place of an earlier one's."""
        log = self.folder.path / f"{name}.log"
        log.unlink(missing_ok=True)
        process = Process(
            name,
            command,
            {"PATH": os.defpath, "HOME": str(self.folder.path), **environment},
            log,
            pass_fds=(self.folder.lifeline,),
        )
        self.processes.append(process)
        return process

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Until it holds while all of them run.

        Raises PortTakenError, and `RuntimeError` with the end of a log when a process has ended or the time is over.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._all_run(what) or not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not within {READY_TIMEOUT_S:.0f} s; see {self.folder.path}")
            time.sleep(INTERVAL_S)

    def stop(self) -> None:
        """Those that depend on others first. They keep nothing that is worth a farewell."""
        for process in reversed(self.processes):
            process.kill()
        self.processes.clear()

    def _all_run(self, what: str) -> bool:
        """Or raises: somebody else on a port of theirs may well meet the condition."""
        for process in self.processes:
            if not process.is_running:
                raise _reason(process, what)
        return True


class Installation(ABC):
    """Something that is started as a whole, and ended as a whole whatever happens meanwhile."""

    def __init__(self, prefix: str) -> None:
        self._folder = VanishingFolder(prefix)
        self.directory = self._folder.path
        self.daemons = Daemons(self._folder)

    @abstractmethod
    def choose_ports(self) -> None:
        """Free ones. Somebody else may take one before it is listened on."""

    @abstractmethod
    def start(self) -> None:
        """Returns when all of it is ready. May be called again with other ports, when the daemons have been stopped."""

    @property
    def process_ids(self) -> list[int]:
        return [self._folder.pid, *(process.pid for process in self.daemons.processes)]

    def stop(self) -> None:
        """Whatever has been started."""
        self.daemons.stop()
        self._folder.remove()

    def __enter__(self) -> Self:
        try:
            self._start_on_free_ports()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_on_free_ports(self) -> None:
        """Tries twice."""
        try:
            self._start_on_new_ports()
        except PortTakenError:
            self.daemons.stop()
            self._start_on_new_ports()

    def _start_on_new_ports(self) -> None:
        self.choose_ports()
        self.start()


def _reason(process: Process, what: str) -> Exception:
    said = process.output()
    if taken := TAKEN.search(said):
        return PortTakenError(
            f"{process.name} cannot listen on {taken[1]}, which somebody took a moment ago: see with `ss -tlnp` who "
            "takes so many ports, and start again when that has ended"
        )
    end = "\n".join(said.splitlines()[-LOG_LINES:])
    return RuntimeError(f"{process.name} ended before {what}:\n{end}")
