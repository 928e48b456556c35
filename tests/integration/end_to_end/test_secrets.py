"""What a caller sends lies nowhere in the clear: not in Redis, not in a log, not in a process's arguments."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.store import key_names
from tests.integration.end_to_end.system import System, command_lines, has_printed, needs_proc
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.leaks import everything_in, leaks
from tests.support.mcp_caller import MODES, mcp_client
from tests.support.waiting import wait_until

COMMAND, OUTPUT, STDIN, FILE = "canary-command", "canary-output", "canary-stdin", "canary-file"


@pytest.fixture
async def running(caller: Caller, system_redis: Redis) -> str:
    """A job that has printed something and goes on, with every kind of secret in it."""
    hexadecimal = f"{OUTPUT}\n".encode().hex()
    files, stdin = {"values.yaml": FILE}, STDIN
    await caller.run("stub", f"read hex {hexadecimal}", files=files, stdin=stdin)
    await caller.run("kubectl", f"get pod {COMMAND}")
    job_id = await caller.submit("stub", f"write hang {COMMAND}", files=files, stdin=stdin)
    await wait_until(lambda: has_printed(system_redis, job_id))
    return job_id


async def test_redis_holds_nothing_readable(
    running: str, caller: Caller, api_server: ApiServer, system_redis: Redis
) -> None:
    while_it_runs = await everything_in(system_redis)
    is_there = await system_redis.exists(key_names.REQUEST + running)
    await caller.cancel(running)
    await caller.ended(running)
    afterwards = await everything_in(system_redis)

    secrets = (api_server.token, COMMAND, OUTPUT, STDIN, FILE)
    assert is_there
    assert not await system_redis.exists(key_names.REQUEST + running)
    assert running in while_it_runs
    assert leaks(while_it_runs, *secrets) == []
    assert leaks(afterwards, *secrets) == []


async def test_no_log_names_what_a_caller_sent(
    running: str, caller: Caller, system: System, api_server: ApiServer
) -> None:
    bad = caller.kubeconfig.replace("server: https", "proxy-url: x\n    server: https")
    async with caller_of(system.url, bad) as careless:
        await careless.post("kubectl", f"get pods {COMMAND}")
    printed = OUTPUT.encode().hex()
    for mode in MODES:
        async with mcp_client(system.url, kubeconfig=caller.kubeconfig, mode=mode) as client:
            await client.call_tool("kubectl", {"command": f"get pods {COMMAND}; ls", "kubeconfig": bad})
            await client.call_tool("stub", {"command": f"read hex {printed}"})
    await caller.cancel(running)
    await caller.ended(running)

    for name, text in system.logs().items():
        assert text
        assert leaks(text, api_server.token, COMMAND, OUTPUT, STDIN, FILE, system.product.master_key) == [], name


@needs_proc
async def test_no_process_has_credentials_in_its_arguments(
    running: str, caller: Caller, system: System, api_server: ApiServer
) -> None:
    lines = "\n".join(command_lines().values())
    await caller.cancel(running)
    await caller.ended(running)

    assert COMMAND in lines, "the command itself runs"
    assert leaks(lines, api_server.token, STDIN, FILE, system.product.master_key) == []


async def test_no_file_has_credentials_in_it(
    running: str, caller: Caller, system: System, api_server: ApiServer
) -> None:
    texts = {path: _text(path) for path in system.product.directory.rglob("*") if path.is_file()}
    await caller.cancel(running)
    await caller.ended(running)

    holders = {path.name: leaks(text, api_server.token, FILE, STDIN) for path, text in texts.items()}
    assert {name: found for name, found in holders.items() if found} == {"values.yaml": [FILE]}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
