"""The real CLIs, those on PATH and those that `make tools` fetched, run without the product in between."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
FETCHED = PROJECT / ".tools" / "bin"
TIMEOUT_S = 30.0


def find_all(name: str) -> list[Path]:
    """In the order in which make looks for them: the fetched one, then at most one on PATH."""
    own = FETCHED.resolve()
    others = [entry for entry in os.environ["PATH"].split(os.pathsep) if entry and Path(entry).resolve() != own]
    found = [shutil.which(name, path=path) for path in (str(own), os.pathsep.join(others))]
    return [Path(path) for path in found if path is not None]


def find(name: str) -> Path:
    """Raises FileNotFoundError, which says what to do."""
    found = find_all(name)
    if not found:
        raise FileNotFoundError(f"{name} is neither on PATH nor in .tools/bin: run `make tools`")
    return found[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a CLI that has ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Cli:
    """One CLI, and the environment that names its kubeconfig and its HOME."""

    path: Path
    environment: Mapping[str, str]

    async def start(self, *arguments: str) -> Process:
        """For `finish` or `kill`, which every test that starts one ends with."""
        return await asyncio.create_subprocess_exec(
            self.path, *arguments, env=self.environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    async def run(self, *arguments: str, stdin: str = "") -> Answer:
        return await finish(await self.start(*arguments), stdin)

    async def output(self, *arguments: str, stdin: str = "") -> str:
        """Of a command that must succeed."""
        answer = await self.run(*arguments, stdin=stdin)
        assert answer.exit_code == 0, answer.stderr
        return answer.stdout


async def finish(process: Process, stdin: str = "") -> Answer:
    """Raises TimeoutError once it has killed the process."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            stdout, stderr = await process.communicate(stdin.encode())
    except BaseException:
        await kill(process)
        raise
    assert process.returncode is not None
    return Answer(process.returncode, stdout.decode(), stderr.decode())


async def kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()
