"""A command's process holds no credential of its caller, while the request that needs it is being answered."""

import base64
import json
import secrets
import sys
from collections.abc import Mapping
from subprocess import PIPE, Popen
from typing import Any

import pytest
import yaml

from tests.integration.end_to_end.system import System, needs_landlock, needs_proc
from tests.support import process_contents, processes
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.waiting import wait_until

KEY_LINES = "\n".join(base64.b64encode(secrets.token_bytes(48)).decode() for _ in range(4))
KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINES}\n-----END PRIVATE KEY-----\n"
COMMANDS = {"kubectl": "get pods", "helm": "list"}

pytestmark = [needs_proc, needs_landlock]


def with_user(kubeconfig: str, user: Mapping[str, Any]) -> str:
    """The same cluster with other credentials."""
    document = yaml.safe_load(kubeconfig)
    document["users"][0]["user"] = dict(user)
    return json.dumps(document)


async def running_program(system: System, name: str) -> int:
    """The process of a command that runs in one of the system's workers."""
    found: list[int] = []

    def is_running() -> bool:
        pids = [pid for worker in system.product.processes for pid in process_contents.children_of(worker.pid)]
        found[:] = [pid for pid in pids if process_contents.program_of(pid) == name]
        return bool(found)

    await wait_until(is_running, timeout_s=20)
    return found[0]


@pytest.mark.parametrize("tool", COMMANDS)
async def test_running_command_holds_no_token(tool: str, caller: Caller, system: System, api_server: ApiServer) -> None:
    stall = api_server.stall()
    command = f"{COMMANDS[tool]} --namespace={stall.namespace}"
    job_id = await caller.submit(tool, command)
    try:
        await stall.reached()
        pid = await running_program(system, tool)
        assert process_contents.found_in(pid, [api_server.token]) == {}
    finally:
        await caller.cancel(job_id)
        await stall.release()


def test_control_finds_what_a_process_holds(tmp_path: Any) -> None:
    """Each place in which the other tests look."""
    secret = secrets.token_hex(16)
    (tmp_path / "file").write_text(secret.encode().hex())
    script = (
        "import sys, base64; held = base64.b64encode(b'x' + sys.argv[1].encode()); print(flush=True); sys.stdin.read()"
    )
    command = processes.dying_with_parent([sys.executable, "-c", script, secret])
    environment = {"HOME": str(tmp_path), "OTHER": secret}
    with Popen(command, env=environment, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = process_contents.found_in(process.pid, [secret])
        process.kill()
    assert found.keys() >= {"memory", "environ", "cmdline", "file file"}
