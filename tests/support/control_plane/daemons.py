"""The programs of a control plane as child processes: started, waited for, and ended whatever happens."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.product import Process

READY_TIMEOUT_S = 60.0
"""On an idle machine everything is ready in a fifth of it."""
INTERVAL_S = 0.05
LOG_LINES = 15


class Installation(ABC):
    """Something that is started as a whole, and ended as a whole whatever happens meanwhile."""

    @abstractmethod
    def start(self) -> None:
        """Returns when all of it is ready."""

    @abstractmethod
    def stop(self) -> None:
        """Whatever has been started."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass
class Daemons:
    """Processes that live together. None outlives the tests: the kernel ends them with this process."""

    directory: Path
    processes: list[Process] = field(default_factory=list)

    def start(self, name: str, command: list[str], **environment: str) -> Process:
        """Does not wait for it. Its output goes to `<name>.log` in the directory."""
        process = Process(
            name,
            command,
            {"PATH": os.defpath, "HOME": str(self.directory), **environment},
            self.directory / f"{name}.log",
        )
        self.processes.append(process)
        return process

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Until it holds; `RuntimeError` with the end of a log when a process has ended or the time is over."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not condition():
            for process in self.processes:
                if not process.is_running:
                    raise RuntimeError(f"{process.name} ended before {what}:\n{_end_of(process)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not within {READY_TIMEOUT_S:.0f} s; see {self.directory}")
            time.sleep(INTERVAL_S)

    def stop(self) -> None:
        """Those that depend on others first. They keep nothing that is worth a farewell."""
        for process in reversed(self.processes):
            process.kill()
        self.processes.clear()


def _end_of(process: Process) -> str:
    return "\n".join(process.output().splitlines()[-LOG_LINES:])
