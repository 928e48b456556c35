"""What a command can reach in its worker, judged by effects: the sandbox, the environment, the job's directory."""

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import key_names
from tests.integration.end_to_end.conftest import STORED_OUTPUT_BYTES
from tests.integration.end_to_end.system import System, has_printed, needs_landlock, needs_proc, processes_with
from tests.support.caller import Caller
from tests.support.waiting import wait_until

SEALED_PER_BYTE = 2
"""Base64 twice, and what holds it together."""
MAX_OUTPUT = 100_000


def kustomization(text: str) -> dict[str, str]:
    return {"kustomization.yaml": text}


@needs_landlock
@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/proc/1/environ", "/proc/self/environ", "/proc/self/maps", f"{Path(__file__).parents[3]}/LICENSE"],
)
async def test_program_itself_reads_nothing_of_the_worker(caller: Caller, path: str) -> None:
    response = await caller.run("stub", "read read-file", stdin=path)

    assert (response.success, response.output) == (False, "")
    assert "PermissionError" in f"{response.error}"


@needs_landlock
async def test_command_connects_to_the_api_server_and_to_nothing_else_nearby(caller: Caller, system: System) -> None:
    gateway = system.gateways[1].process
    files = kustomization(f"resources: [{system.other_url}/docs]")
    response = await caller.run("kubectl", "kustomize .", files=files)

    assert not response.success
    assert "permission denied" in f"{response.error}"
    assert '"route": "/docs"' not in gateway.output()


async def test_environment_is_clean(caller: Caller) -> None:
    environment = json.loads(await caller.output("stub", "read environment"))
    proxies = {environment.pop(name) for name in ("HTTPS_PROXY", "HTTP_PROXY")}
    paths = {name: Path(environment.pop(name)) for name in ("HOME", "TMPDIR", "PATH", "KUBECONFIG")}
    directory = next(parent for parent in paths["HOME"].joinpath("any").parents if parent.name.startswith("job-"))

    assert environment == {
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "GOGC": "off",
        "GOMEMLIMIT": "200MiB",
        "KUBECACHEDIR": "/dev/null",
    }
    assert proxies == {"[proxy of the worker]"}, "its address and its password are shown nowhere"
    assert all(paths[name].is_relative_to(directory) for name in ("HOME", "TMPDIR", "PATH"))
    await wait_until(lambda: not directory.exists())


@needs_landlock
async def test_kubeconfig_is_no_file_of_the_job(caller: Caller) -> None:
    assert await caller.output("stub", "read list", files={"a.yaml": "x", "b/c.yaml": "y"}) == "a.yaml\nb/c.yaml\n"
    assert json.loads(await caller.output("stub", "read environment"))["KUBECONFIG"] == "/proc/self/fd/3"


async def test_files_lie_in_the_jobs_directory_and_go_with_it(
    caller: Caller, system: System, system_redis: Redis, name: str
) -> None:
    directory = system.product.directory
    job_id = await caller.submit("stub", "read hang", files={f"{name}/values.yaml": "secret"}, stdin=f"stdin {name}")
    await wait_until(lambda: has_printed(system_redis, job_id))

    [file] = directory.rglob(f"{name}/values.yaml")
    job_directory = file.parents[2]
    mode = job_directory.stat().st_mode & 0o777
    with_stdin = [path for path in _files(directory) if f"stdin {name}" in path.read_text(errors="replace")]
    await caller.cancel(job_id)
    await caller.ended(job_id)

    assert mode == 0o700
    assert with_stdin == [], "standard input is not a file"
    await wait_until(lambda: not job_directory.exists())


async def test_jobs_do_not_see_each_others_files(caller: Caller, system_redis: Redis, name: str) -> None:
    job_id = await caller.submit("stub", "read hang", files={name: "secret"})
    await wait_until(lambda: has_printed(system_redis, job_id))

    listed = await caller.output("stub", "read list")
    await caller.cancel(job_id)
    await caller.ended(job_id)

    assert listed == "\n"


@needs_proc
async def test_output_ends_with_the_command_and_not_with_its_descendants(caller: Caller, name: str) -> None:
    response = await caller.run("stub", f"read grandchild {name}")

    assert response.state is JobState.SUCCEEDED
    assert "parent done\n" in response.output
    assert processes_with(name) == []


async def test_flood_is_cut_and_no_reason_to_end_the_command(caller: Caller, system_redis: Redis) -> None:
    response = await caller.run("stub", f"read flood {50 * 1024 * 1024}")
    events = await system_redis.xrange(key_names.EVENTS + response.job_id)
    stored_bytes = sum(len(fields[b"event"]) for _, fields in events)

    assert (response.success, response.truncated) == (True, True)
    assert response.output == "x" * MAX_OUTPUT
    assert STORED_OUTPUT_BYTES < stored_bytes < SEALED_PER_BYTE * STORED_OUTPUT_BYTES


async def test_output_that_is_not_utf8_is_readable_all_the_same(caller: Caller) -> None:
    assert await caller.output("stub", "read hex ff00c3a90a1b5b316d") == "\ufffd\0é\n"


async def test_standard_input_arrives_whole(caller: Caller) -> None:
    text = "größe\r\n\0" * 10_000

    assert await caller.output("stub", "read stdin", stdin=text) == f"{text}\n"


async def test_without_standard_input_there_is_none(caller: Caller) -> None:
    assert await caller.output("stub", "read stdin") == "\n"


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and path.suffix != ".log"]
