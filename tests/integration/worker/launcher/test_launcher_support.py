"""What the launcher's tests share: programs to run, and runs with their output."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import static_elf
from worker.launcher import landlock, seccomp
from worker.launcher.client import Launcher, Run, Stage
from worker.launcher.protocol import Limits, SandboxRules, StageExit, StageSpec

PYTHON = os.path.realpath(sys.executable)
SHELL = "/bin/sh"
TIMEOUT_S = 60
LIMITS = Limits(file_size_bytes=1 << 30, open_files=256, cpu_s=60)
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", sys.base_prefix)

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(not seccomp.is_supported(), reason="this processor's system calls are not listed")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or needs memfd")


def static_program(directory: Path) -> Path:
    if not static_elf.IS_POSSIBLE:
        pytest.skip("no hand-made executable for this platform")
    return static_elf.write(directory / "static-program")


def spec_of(
    argv: Sequence[str],
    directory: Path,
    *,
    environment: dict[str, str] | None = None,
    sandbox: SandboxRules | None = None,
    limits: Limits = LIMITS,
) -> StageSpec:
    return StageSpec(
        executable=argv[0],
        argv=tuple(argv),
        environment={} if environment is None else environment,
        working_directory=str(directory),
        sandbox=sandbox,
        limits=limits,
    )


def python(code: str) -> list[str]:
    return [PYTHON, "-I", "-S", "-c", code]


def shell(script: str) -> list[str]:
    return [SHELL, "-c", script]


def python_sandbox(directory: Path, **rules: tuple[int, ...] | None) -> SandboxRules:
    """Enough for a dynamic Python; `directory` is writable."""
    ports = {"connect_ports": (), **rules}
    return SandboxRules(
        execute=(PYTHON, *LIBRARIES),
        write=(str(directory),),
        connect_ports=ports["connect_ports"],
        bind_ports=ports.get("bind_ports") or (),
    )


@dataclass(frozen=True, slots=True)
class Output:
    """A finished stage, stdout and stderr together."""

    exit: StageExit
    text: str


async def run_to_end(launcher: Launcher, spec: StageSpec, *, inherited: Sequence[int] = ()) -> Output:
    """`inherited` become 3, 4…; the caller keeps its copies."""
    run, output = await start(launcher, spec, inherited=inherited)
    async with asyncio.timeout(TIMEOUT_S):
        text = await read_to_end(output)
        (ended,) = await run.wait()
    return Output(ended, text)


async def start(launcher: Launcher, spec: StageSpec, *, inherited: Sequence[int] = ()) -> tuple[Run, int]:
    """The run, and the reading end of its stdout and stderr."""
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    own = (nothing, writing, os.dup(writing), *(os.dup(descriptor) for descriptor in inherited))
    async with asyncio.timeout(TIMEOUT_S):
        run = await launcher.run([Stage(spec, own)])
    return run, reading


async def read_to_end(descriptor: int) -> str:
    """Owns the descriptor. Ends when every process that held the other end is gone."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return (await reader.read()).decode()
    finally:
        transport.close()


async def read_line(descriptor: int) -> str:
    """Blocks in a thread, and reads nothing beyond the line."""

    def read() -> str:
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(descriptor, 1)):
            line += byte
        return line.decode().strip()

    async with asyncio.timeout(TIMEOUT_S):
        return await asyncio.to_thread(read)


def test_the_static_program_is_one_that_the_kernel_executes(tmp_path: Path) -> None:
    program = static_program(tmp_path)

    assert program.stat().st_size < 150
    assert subprocess.run([program], env={}, check=False, timeout=TIMEOUT_S).returncode == 0
