"""Turns the text filters of a pipeline into the processes that run them.

A filter gets no credential, no kubeconfig, no network and no HOME. It can read the caller's files and the files that it
needs to start. Only a filter that spills can write files, in a folder of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.errors import ErrorCode, RequestError
from worker.launcher.protocol import Limits, SandboxRules, StageSpec
from worker.machine.filter_binaries import FilterBinary
from worker.run.job_directory import JobDirectory

LOCALE_DATA = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8", "/usr/lib/locale/locale-archive")
"""Paths where C libraries keep the locale C.UTF-8. Without it, filters treat a non-ASCII character as several."""
WRITABLE = ("/dev/null",)
MEMORY_BYTES = 1024 * 1024 * 1024
"""Memory limit of one stage. jq needs about ten times the size of its input."""


def build(
    stages: Sequence[Sequence[str]],
    binaries: Mapping[str, FilterBinary],
    directory: JobDirectory,
    *,
    limits: Limits,
    sandboxed: bool,
) -> tuple[StageSpec, ...]:
    """Returns a stage for each list of words; the first word is the filter. Raises RequestError if one is missing."""
    for words in stages:
        if words[0] not in binaries:
            raise _missing(words[0], binaries)
    return tuple(_stage(words, binaries[words[0]], directory, limits=limits, sandboxed=sandboxed) for words in stages)


def _stage(
    words: Sequence[str], binary: FilterBinary, directory: JobDirectory, *, limits: Limits, sandboxed: bool
) -> StageSpec:
    environment = {"PATH": str(directory.no_programs), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    writable: tuple[str, ...] = WRITABLE
    if binary.filter.spills:
        directory.spill.mkdir(mode=0o700, exist_ok=True)
        environment["TMPDIR"] = str(directory.spill)
        writable = (*WRITABLE, str(directory.spill))
    return StageSpec(
        executable=str(binary.path),
        argv=tuple(words),
        environment=environment,
        working_directory=str(directory.work),
        sandbox=_sandbox(binary, directory, writable) if sandboxed else None,
        limits=replace(limits, memory_bytes=MEMORY_BYTES),
    )


def _sandbox(binary: FilterBinary, directory: JobDirectory, writable: tuple[str, ...]) -> SandboxRules:
    return SandboxRules(
        execute=(str(binary.path), *binary.needs.executable),
        read=(*binary.needs.readable, *LOCALE_DATA, str(directory.work)),
        write=writable,
        alone=True,
    )


def _missing(name: str, binaries: Mapping[str, FilterBinary]) -> RequestError:
    there = ", ".join(binaries) or "none"
    return RequestError(
        ErrorCode.COMMAND_PIPELINE, f"The command was not started: this worker has no {name}. Its filters: {there}."
    )
