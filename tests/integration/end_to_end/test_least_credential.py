"""A command's process holds no credential of its caller, while the request that needs it is being answered."""

import secrets
import sys
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.integration.end_to_end.system import System, needs_landlock, needs_proc
from tests.support import process_contents, processes
from tests.support.api_server import ApiServer
from tests.support.caller import Caller

COMMANDS = {"kubectl": "get pods", "helm": "list"}

pytestmark = [needs_proc, needs_landlock]


@pytest.mark.parametrize("tool", COMMANDS)
async def test_running_command_holds_no_token(tool: str, caller: Caller, system: System, api_server: ApiServer) -> None:
    stall = api_server.stall()
    command = f"{COMMANDS[tool]} --namespace={stall.namespace}"
    job_id = await caller.submit(tool, command)
    try:
        await stall.reached()
        pid = await process_contents.running(tool, [process.pid for process in system.product.processes])
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
