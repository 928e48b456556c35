import asyncio
import json
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from cli.up.start import SHORTEST_LIFE_S
from tests.integration.cli.family import Family
from tests.integration.cli.terminal import Terminal
from tests.support import credential_program, kubeconfigs
from tests.support.api_server.handle import ApiServer
from tests.support.product import Process
from tests.support.valkey import Valkey
from tests.support.waiting import wait_blocking

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
    pytest.mark.timeout(300),
]

END_TIMEOUT_S = 60.0
DEATH_TIMEOUT_S = 30.0


def files_named(part: str, folder: Path) -> list[str]:
    """Below a folder in which directories come and go, which `os.walk` takes as they are."""
    return [name for _, _, names in os.walk(folder) for name in names if part in name]


def worker_age_s(up: int) -> float:
    """Of the worker below that process, by the kernel's clock: field 22 of proc_pid_stat(5)."""
    with Family(up) as family:
        fields = Path(f"/proc/{family.pid_of('worker.main')}/stat").read_text().rpartition(")")[2].split()
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    return uptime_s - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def exit_code(process: Process) -> int:
    wait_blocking(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    return process.stop()


def refusal(process: Process) -> str:
    """The one line that a start ended with."""
    assert exit_code(process) == 1
    (line,) = process.output().splitlines()
    return line


Running = tuple[Terminal, Process, str]


def test_it_serves_and_says_where(running: Running) -> None:
    _, process, url = running

    assert httpx.get(f"{url}/health").json()["status"] == "healthy"
    assert "kubectl" in process.output()
    assert "mcpServers" in process.output()


def test_key_and_state_are_for_the_owner_only(running: Running) -> None:
    state = running[0].state

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "master.key").stat().st_mode) == 0o600


def test_key_is_in_no_environment(running: Running) -> None:
    terminal, process, _ = running
    key = (terminal.state / "master.key").read_text().strip()

    with Family(process.pid) as family:
        environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in family.commands]

    assert not any(key.encode() in environment for environment in environments)


def test_second_up_on_the_same_state_is_refused(running: Running) -> None:
    terminal, process, url = running

    line = refusal(terminal.run("up", "--port", "0"))

    assert line.startswith(f"error: another `mcp-k8s up` (process {process.pid}) uses {terminal.state};")
    assert "(--state-directory)" in line
    assert "(--port)" in line
    assert httpx.get(f"{url}/readyz").is_success


def test_port_of_another_up_is_recognised(running: Running, terminal: Terminal) -> None:
    port = running[2].rpartition(":")[2]

    line = refusal(terminal.run("up", "--port", port))

    assert "is taken by another mcp-k8s" in line
    assert "--port, and another folder with --state-directory" in line


def test_doctor_recognises_it_too(running: Running, terminal: Terminal) -> None:
    port = running[2].rpartition(":")[2]

    doctor = terminal.run("doctor", K8S_MCP_PORT=port)

    assert exit_code(doctor) == 0
    assert f"mcp-k8s answers at {running[2]}" in doctor.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(terminal: Terminal, number: signal.Signals) -> None:
    process, _ = terminal.up()
    with Family(process.pid) as family:
        process.signal(number)

        assert exit_code(process) == 0
        assert not family.survivors(timeout_s=0)
    assert not list(terminal.temporary.rglob("*"))


def test_interrupted_start_leaves_nothing_behind(terminal: Terminal) -> None:
    process = terminal.run("up", "--port", "0")
    wait_blocking(lambda: any("valkey-server" in line for line in Family(process.pid).commands.values()))
    with Family(process.pid) as family:
        process.signal(signal.SIGINT)

        assert exit_code(process) == 0
        assert not family.survivors(timeout_s=0)
    assert not list(terminal.temporary.rglob("*"))


def test_killed_up_takes_its_children_along(terminal: Terminal) -> None:
    process, _ = terminal.up()
    with Family(process.pid) as family:
        process.kill()

        assert not family.survivors(timeout_s=DEATH_TIMEOUT_S)
    assert not [path for path in terminal.temporary.rglob("*") if not path.is_dir()]


def test_start_after_a_kill_keeps_the_key_and_cleans_up(terminal: Terminal) -> None:
    process, _ = terminal.up()
    key = (terminal.state / "master.key").read_text()
    with Family(process.pid) as family:
        process.kill()
        family.survivors(timeout_s=DEATH_TIMEOUT_S)

    process, _ = terminal.up()
    process.signal(signal.SIGTERM)

    assert exit_code(process) == 0
    assert (terminal.state / "master.key").read_text() == key
    assert not list(terminal.temporary.rglob("*"))


def test_dead_worker_is_started_again_and_what_it_ran_is_lost(terminal: Terminal) -> None:
    process, url = terminal.up()
    with ApiServer.start() as server, httpx.Client(base_url=url, timeout=END_TIMEOUT_S) as client:
        stall = server.stall()
        command = f"create configmap web --from-literal=a=b -n {stall.namespace}"
        body = {"tool": "kubectl", "command": command, "kubeconfig": server.kubeconfig()}
        job_id = client.post("/jobs", json=body).json()["id"]
        asyncio.run(stall.reached())
        wait_blocking(lambda: worker_age_s(process.pid) > SHORTEST_LIFE_S + 1)
        with Family(process.pid) as family:
            os.kill(family.pid_of("worker.main"), signal.SIGKILL)

        assert client.get(f"/jobs/{job_id}?wait=30").json()["state"] == "lost"
        wait_blocking(lambda: client.get("/tools/status").json()["kubectl"]["available"], timeout_s=END_TIMEOUT_S)
    assert "starting it again" in process.output()
    assert process.is_running


def test_dead_door_is_named_as_the_reason_why_the_worker_is_started_again(terminal: Terminal) -> None:
    process, url = terminal.up()
    wait_blocking(lambda: worker_age_s(process.pid) > SHORTEST_LIFE_S + 1)
    with Family(process.pid) as family, httpx.Client(base_url=url, timeout=END_TIMEOUT_S) as client:
        os.kill(family.pid_of("worker.door"), signal.SIGKILL)
        wait_blocking(lambda: "starting it again" in process.output(), timeout_s=END_TIMEOUT_S)
        wait_blocking(lambda: client.get("/tools/status").json()["kubectl"]["available"], timeout_s=END_TIMEOUT_S)

    assert "the worker ended with exit code 1: the worker's door" in process.output()
    assert "was ended by signal 9 (SIGKILL)" in process.output()


@pytest.mark.parametrize("part", ["gateway.main", "valkey-server"])
def test_dead_child_is_named_and_ends_the_others(terminal: Terminal, part: str) -> None:
    process, _ = terminal.up()
    with Family(process.pid) as family:
        os.kill(family.pid_of(part), signal.SIGKILL)

        assert exit_code(process) == 1
        assert not family.survivors(timeout_s=0)
    name = {"valkey-server": "embedded Valkey"}.get(part, part.removesuffix(".main"))
    assert f"error: the {name} was ended by signal 9" in process.output()
    assert not list(terminal.temporary.rglob("*"))


def test_childs_own_refusal_is_told(terminal: Terminal) -> None:
    process = terminal.run("up", "--host", "0.0.0.0", "--port", "0")

    assert exit_code(process) == 1
    assert "error: the gateway ended with exit code 78:\n  K8S_MCP_HOST" in process.output()


def test_taken_port_is_one_clear_line(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        line = refusal(terminal.run("up", "--port", str(port)))

    assert line == f"error: port {port} is taken by another program; stop it, or choose another with --port"


def test_bad_setting_ends_before_anything_starts(terminal: Terminal) -> None:
    process = terminal.run("up", K8S_MCP_TIMEOUT="-1")

    assert exit_code(process) == 78
    assert process.output().startswith("K8S_MCP_TIMEOUT ")


def test_given_redis_is_used_instead_of_the_embedded_one(terminal: Terminal, own_valkey: Valkey) -> None:
    process, url = terminal.up(K8S_MCP_REDIS_URL=own_valkey.url)

    assert httpx.get(f"{url}/readyz").is_success
    with Family(process.pid) as family:
        assert not any("valkey-server" in command for command in family.commands.values())


def test_given_redis_that_is_away_is_one_clear_line(terminal: Terminal) -> None:
    line = refusal(terminal.run("up", "--port", "0", K8S_MCP_REDIS_URL="redis://:hunter2@127.0.0.1:1/0"))

    assert line == "error: Redis (redis://127.0.0.1:1/0) does not answer within 5 s"


def test_kubeconfig_serves_requests_that_bring_none(terminal: Terminal) -> None:
    with ApiServer.start() as server:
        kubeconfig = terminal.directory / "config"
        kubeconfig.write_text(server.kubeconfig())
        process, url = terminal.up("--kubeconfig", str(kubeconfig))

        answer = httpx.post(f"{url}/tools/kubectl", json={"command": "get pods -n default"}, timeout=30)

        assert answer.json()["success"], answer.text
        assert '"url": "' in process.output()
        assert "X-Kubeconfig" not in process.output()
        assert server.token not in process.output()
        assert not files_named("config", terminal.temporary)


def test_token_of_a_clouds_program_is_lent_too(terminal: Terminal) -> None:
    program = credential_program.install(terminal.directory / "program")
    with ApiServer.start() as server:
        program.behave(status={"token": server.token})
        config = yaml.safe_load(server.kubeconfig())
        config["users"][0]["user"] = program.user()
        kubeconfig = terminal.directory / "config"
        kubeconfig.write_text(json.dumps(config))
        _, url = terminal.up("--kubeconfig", str(kubeconfig))

        answer = httpx.post(f"{url}/tools/kubectl", json={"command": "get pods -n default"}, timeout=30)

        assert answer.json()["success"], answer.text
        assert len(program.runs) == 1


def test_program_that_fails_is_told_before_anything_starts(terminal: Terminal) -> None:
    program = credential_program.install(terminal.directory / "program")
    program.behave(exit_code=1, complaint="log in first")
    kubeconfig = terminal.directory / "config"
    kubeconfig.write_text(kubeconfigs.text(users=[{"name": "canary-user", "user": program.user()}]))

    line = refusal(terminal.run("up", "--port", "0", "--kubeconfig", str(kubeconfig)))

    assert line.endswith("ended with exit code 1: log in first")


def test_kubeconfig_is_lent_on_loopback_only(terminal: Terminal) -> None:
    line = refusal(terminal.run("up", "--host", "0.0.0.0", "--kubeconfig", "unread"))

    assert "--host must be a loopback address" in line


async def test_first_interrupt_lets_a_command_end(terminal: Terminal) -> None:
    with ApiServer.start() as server:
        process, job = await with_stalled_job(terminal, server)

        process.signal(signal.SIGINT)
        wait_blocking(lambda: "Ctrl-C again" in process.output(), timeout_s=DEATH_TIMEOUT_S)
        await server.stall("here").release()

        assert exit_code(process) == 0
        await assert_state(terminal, job, "succeeded")


async def test_second_interrupt_ends_a_command_as_cancelled(terminal: Terminal) -> None:
    with ApiServer.start() as server:
        process, job = await with_stalled_job(terminal, server)

        process.signal(signal.SIGINT)
        wait_blocking(lambda: "Ctrl-C again" in process.output(), timeout_s=DEATH_TIMEOUT_S)
        process.signal(signal.SIGINT)

        assert exit_code(process) == 0
        await assert_state(terminal, job, "cancelled")


async def with_stalled_job(terminal: Terminal, server: ApiServer) -> tuple[Process, str]:
    kubeconfig = terminal.directory / "config"
    kubeconfig.write_text(server.kubeconfig())
    process, url = terminal.up("--kubeconfig", str(kubeconfig))
    stall = server.stall("here")
    body = {"command": f"get --raw {stall.raw_path}"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/tools/kubectl", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    await stall.reached()
    return process, answer.json()["id"]


async def assert_state(terminal: Terminal, job: str, state: str) -> None:
    """A new start has the job that the one before it ended with."""
    _, url = terminal.up()
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/jobs/{job}")
    assert answer.json()["state"] == state
