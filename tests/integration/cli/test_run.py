"""`mcp-k8s run`, against a real gateway and worker with the stub CLI."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from shared.store import key_names
from tests.integration.cli.terminal import Terminal
from tests.integration.end_to_end.system import System, start
from tests.support import credential_program, kubeconfigs, processes, stub
from tests.support.product import PROJECT, Process, Product
from tests.support.valkey import APPEND_ONLY, Valkey, long_lived
from tests.support.waiting import wait_blocking

END_TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("run")) as product:
        yield start(product, gateways=1, workers=1)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(stub.KUBECONFIG)
    return str(path)


def run(terminal: Terminal, url: str, kubeconfig: str, *arguments: str) -> Process:
    return terminal.run("run", "--url", url, "--kubeconfig", kubeconfig, *arguments)


def run_in(folder: Path, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        processes.dying_with_parent([sys.executable, "-m", "cli.main", "run", *arguments]),
        input=stdin,
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        text=True,
        timeout=END_TIMEOUT_S,
    )


def ended(process: Process) -> int:
    wait_blocking(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    return process.stop()


@pytest.mark.parametrize("separator", [[], ["--"]], ids=["as it is", "behind --"])
def test_output_and_exit_code_are_the_commands_own(
    terminal: Terminal, system: System, kubeconfig: str, separator: list[str]
) -> None:
    said = run(terminal, system.url, kubeconfig, "stub", *separator, "read", "say", "two words")
    failed = run(terminal, system.url, kubeconfig, "stub", *separator, "read", "fail", "3")

    assert (ended(said), said.output()) == (0, "two words\n")
    assert (ended(failed), failed.output()) == (3, "it failed\n")


def test_files_and_standard_input_are_sent(system: System, kubeconfig: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("{}")
    own = ("--url", system.url, "--kubeconfig", kubeconfig)

    listed = run_in(tmp_path, *own, "--file", "values.yaml", "stub", "read", "list")
    echoed = run_in(tmp_path, *own, "--stdin", "stub", "read", "stdin", stdin="canary")

    assert (listed.returncode, listed.stdout.splitlines()) == (0, ["values.yaml"])
    assert (echoed.returncode, echoed.stdout) == (0, "canary\n")


def test_refusal_is_one_line(terminal: Terminal, system: System, kubeconfig: str) -> None:
    process = run(terminal, system.url, kubeconfig, "kubectl", "get", "pods", "--token=stolen")

    assert ended(process) == 1
    assert process.output().startswith("error: `--token` is refused")
    assert process.output().count("\n") == 1


def test_ctrl_c_cancels_the_command(terminal: Terminal, system: System, kubeconfig: str) -> None:
    process = run(terminal, system.url, kubeconfig, "stub", "write", "hang")
    wait_blocking(lambda: "started" in process.output(), timeout_s=END_TIMEOUT_S)
    process.signal(signal.SIGINT)

    assert ended(process) == 130
    job_id = process.output().partition(f"mcp-k8s cancel --url {system.url} ")[2].split("`")[0]
    assert httpx.get(f"{system.url}/jobs/{job_id}?wait=10", timeout=END_TIMEOUT_S).json()["state"] == "cancelled"
    cancelled = terminal.run("cancel", "--url", system.url, job_id)
    assert (ended(cancelled), cancelled.output()) == (0, "cancelled\n")


def test_sigterm_leaves_the_command_running_and_says_how_to_read_and_end_it(
    terminal: Terminal, system: System, kubeconfig: str
) -> None:
    process = run(terminal, system.url, kubeconfig, "stub", "write", "hang")
    wait_blocking(lambda: "started" in process.output(), timeout_s=END_TIMEOUT_S)
    process.signal(signal.SIGTERM)

    assert ended(process) == 143
    note = process.output().removeprefix("started\nthe command goes on as job ")
    job_id, _, rest = note.partition(": ")
    reading, ending = rest.split("`")[1::2]
    assert httpx.get(reading.removeprefix("curl "), timeout=END_TIMEOUT_S).text == "started\n"
    cancelled = terminal.run(*ending.removeprefix("mcp-k8s ").split())
    assert (ended(cancelled), cancelled.output()) == (0, "running\n")
    assert httpx.get(f"{system.url}/jobs/{job_id}?wait=10", timeout=END_TIMEOUT_S).json()["state"] == "cancelled"


def test_hint_of_a_failed_command_is_shown(terminal: Terminal, system: System, kubeconfig: str) -> None:
    process = run(terminal, system.url, kubeconfig, "kubectl", "get", "pods")

    assert ended(process) == 1
    *_, last = process.output().splitlines()
    assert last.startswith("hint: ")


def test_file_that_was_not_sent_is_named_in_the_command_that_sends_it(
    system: System, kubeconfig: str, tmp_path: Path
) -> None:
    (tmp_path / "cm.yaml").write_text("{}")
    own = ("--url", system.url, "--kubeconfig", kubeconfig)
    refused = run_in(tmp_path, *own, "kubectl", "apply", "-f", "cm.yaml")

    assert refused.returncode == 1
    *_, last = refused.stderr.splitlines()
    assert last.endswith("mcp-k8s run --file cm.yaml kubectl apply -f cm.yaml")
    assert "`--stdin` with `-f -`" in last


def test_command_without_any_kubeconfig_names_the_option(terminal: Terminal, system: System) -> None:
    process = terminal.run("run", "--url", system.url, "kubectl", "get", "pods")

    assert ended(process) == 1
    assert process.output() == (
        "error: This command needs a cluster: send the kubeconfig with `--kubeconfig` or KUBECONFIG.\n"
    )


def test_argo_cds_variables_go_along(terminal: Terminal, system: System, kubeconfig: str) -> None:
    arguments = ("run", "--url", system.url, "--kubeconfig", kubeconfig, "argocd", "app", "list")
    process = terminal.run(*arguments, ARGOCD_SERVER="no server", ARGOCD_AUTH_TOKEN="token")

    assert ended(process) == 1
    assert "X-Argocd-Server" in process.output()


def test_context_that_the_command_names_is_the_one_that_is_sent(
    terminal: Terminal, system: System, tmp_path: Path
) -> None:
    path = tmp_path / "two"
    path.write_text(stub.KUBECONFIG.replace('"current-context": "stub"', '"current-context": "gone"'))

    process = run(terminal, system.url, str(path), "kubectl", "--context", "stub", "get", "pods")

    assert ended(process) == 1
    assert "127.0.0.1:1" in process.output()


def test_wait_for_a_worker_is_told(terminal: Terminal, kubeconfig: str, own_valkey: Valkey, tmp_path: Path) -> None:
    with Product(own_valkey.url, tmp_path) as product:
        url = start(product, gateways=1).url
        process = run(terminal, url, kubeconfig, "stub", "read", "ok")
        wait_blocking(
            lambda: "queued: no worker has taken the job yet (job " in process.output(), timeout_s=END_TIMEOUT_S
        )
        product.start("worker")

        assert ended(process) == 0
        assert process.output().splitlines()[1:] == ["ok"]


def test_jobs_are_listed_as_a_table_and_as_json(terminal: Terminal, system: System, kubeconfig: str) -> None:
    assert ended(run(terminal, system.url, kubeconfig, "stub", "read", "fail", "3")) == 3

    table = terminal.run("jobs", "--url", system.url, "--tool", "stub", "--state", "failed", "--limit", "1")
    lines = terminal.run("jobs", "--url", system.url, "--json", "--tool", "stub", "--state", "failed", "--limit", "1")
    none = terminal.run("jobs", "--url", system.url, "--tool", "helm")
    wrong = terminal.run("jobs", "--url", system.url, "--state", "done")

    assert (ended(table), ended(lines), ended(none), ended(wrong)) == (0, 0, 0, 1)
    [headings, row] = table.output().splitlines()
    job = json.loads(lines.output())
    assert headings.split() == ["ID", "TOOL", "CLASS", "STATE", "AGE", "TOOK"]
    assert row.split()[:4] == [job["id"], "stub", "read", "failed"]
    assert none.output() == "no jobs\n"
    assert wrong.output().startswith("error: state: ")


def test_restart_of_the_gateway_is_survived(terminal: Terminal, kubeconfig: str, tmp_path: Path) -> None:
    with Valkey(APPEND_ONLY) as valkey, Product(valkey.url, tmp_path) as product:
        system = start(product, gateways=1, workers=1)
        process = run(terminal, system.url, kubeconfig, "stub", "write", "hang")
        wait_blocking(lambda: "started" in process.output(), timeout_s=END_TIMEOUT_S)
        system.gateways[0].process.kill()
        job_id = _only_job(valkey)
        product.start("gateway", K8S_MCP_PORT=system.url.rpartition(":")[2])
        wait_blocking(lambda: _cancelled(system.url, job_id), timeout_s=END_TIMEOUT_S)

        assert ended(process) == 1
        assert process.output() == "started\ncancelled by request\n"


def test_token_of_a_clouds_program_is_sent(terminal: Terminal, system: System, tmp_path: Path) -> None:
    program = credential_program.install(tmp_path / "program")
    path = tmp_path / "cloud"
    path.write_text(kubeconfigs.text(users=[{"name": "canary-user", "user": program.user()}]))

    process = run(terminal, system.url, str(path), "stub", "read", "say", "done")

    assert (ended(process), process.output()) == (0, "done\n")
    assert len(program.runs) == 1


def test_gateway_that_is_not_there_is_told(terminal: Terminal, kubeconfig: str) -> None:
    process = run(terminal, "http://127.0.0.1:1", kubeconfig, "kubectl", "get", "pods")

    assert ended(process) == 1
    assert "no gateway answers at http://127.0.0.1:1" in process.output()


def _only_job(valkey: Valkey) -> str:
    with Redis.from_url(valkey.url) as redis:
        [job_id] = redis.zrange(key_names.LEASES, 0, -1)
        return str(job_id.decode())


def _cancelled(url: str, job_id: str) -> bool:
    try:
        return httpx.delete(f"{url}/jobs/{job_id}").is_success
    except httpx.TransportError:
        return False
