"""A real credential program, run as kubectl runs it."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.errors import StartError
from cli.kubeconfig import exec_plugin, local_kubeconfig
from cli.kubeconfig.exec_plugin import ExecPlugin
from tests.support import credential_program, kubeconfigs
from tests.support.credential_program import CredentialProgram
from tests.support.waiting import wait_until

BETA = "client.authentication.k8s.io/v1beta1"
TOKEN = "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8_QWN0aW9uPUdldENhbGxlcklkZW50aXR5"


@pytest.fixture
def program(tmp_path: Path) -> CredentialProgram:
    return credential_program.install(tmp_path / "program")


def plugin(program: CredentialProgram, *, folder: Path = Path("/"), **changes: Any) -> ExecPlugin:
    cluster = {"server": kubeconfigs.SERVER, "certificate-authority-data": "Y2E="}
    return exec_plugin.read("canary-user", program.entry(**changes), cluster=cluster, folder=folder)


async def refusal(plugin: ExecPlugin) -> str:
    with pytest.raises(StartError) as error:
        await exec_plugin.run(plugin)
    return str(error.value)


@pytest.mark.parametrize("version", [credential_program.VERSION, BETA])
async def test_token_takes_the_place_of_the_program(version: str, program: CredentialProgram, tmp_path: Path) -> None:
    program.behave(version=version)
    path = tmp_path / "config"
    path.write_text(kubeconfigs.text(users=[{"name": "canary-user", "user": program.user(apiVersion=version)}]))

    config = yaml.safe_load(await local_kubeconfig.load(str(path)))

    assert config["users"] == [{"name": "canary-user", "user": {"token": "canary-token-1"}}]
    assert program.runs == [{"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}]


async def test_certificate_takes_the_place_of_the_program(program: CredentialProgram, tmp_path: Path) -> None:
    program.behave(status={"clientCertificateData": "PEM", "clientKeyData": "KEY"})
    path = tmp_path / "config"
    path.write_text(kubeconfigs.text(users=[{"name": "canary-user", "user": program.user()}]))

    [user] = yaml.safe_load(await local_kubeconfig.load(str(path)))["users"]

    assert user["user"] == {
        "client-certificate-data": base64.b64encode(b"PEM").decode(),
        "client-key-data": base64.b64encode(b"KEY").decode(),
    }


async def test_cluster_is_told_where_the_program_asks_for_it(program: CredentialProgram, tmp_path: Path) -> None:
    path = tmp_path / "config"
    own = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    user = program.user(provideClusterInfo=True)
    path.write_text(
        kubeconfigs.text(
            cluster={"extensions": [{"name": "minikube", "extension": {}}, own]},
            users=[{"name": "canary-user", "user": user}],
        )
    )

    await local_kubeconfig.load(str(path), only_context=local_kubeconfig.CURRENT)

    cluster = program.runs[0]["spec"]["cluster"]
    assert (cluster["server"], cluster["config"]) == (kubeconfigs.SERVER, {"audience": "x"})
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"canary-authority"


async def test_relative_path_is_that_of_the_kubeconfigs_folder(program: CredentialProgram) -> None:
    credential = await exec_plugin.run(plugin(program, command="./cloud-credentials", folder=program.folder))

    assert credential.token == "canary-token-1"


async def test_arguments_and_variables_are_the_kubeconfigs_own(tmp_path: Path) -> None:
    script = tmp_path / "says"
    answer = {"apiVersion": BETA, "kind": "ExecCredential", "status": {"token": "$1-$REGION"}}
    script.write_text(f"#!/bin/sh\ncat <<end\n{json.dumps(answer)}\nend\n")
    script.chmod(0o755)
    fields = {"apiVersion": BETA, "command": str(script), "args": ["one"], "env": [{"name": "REGION", "value": "eu"}]}

    credential = await exec_plugin.run(exec_plugin.read("user", fields, cluster={}, folder=tmp_path))

    assert credential.token == "one-eu"
    assert "eu" not in repr(credential)


async def test_failure_shows_the_end_of_what_it_complained_without_credentials(program: CredentialProgram) -> None:
    complaint = f"\x1b[31mwarning\x1b[0m {TOKEN}\nkey-of-mine expired: run `aws sso login`\n"
    program.behave(exit_code=255, complaint=complaint)

    text = await refusal(plugin(program, env=[{"name": "KEY", "value": "key-of-mine"}]))

    assert text.endswith("ended with exit code 255: warning *** *** expired: run `aws sso login`")


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        pytest.param(f"{TOKEN} is not JSON", "did not print an ExecCredential", id="not JSON"),
        pytest.param(json.dumps({"kind": TOKEN}), "did not print an ExecCredential", id="another kind"),
        pytest.param("[" * 100_000, "did not print an ExecCredential", id="deep nesting"),
        pytest.param(
            json.dumps({"kind": "ExecCredential", "apiVersion": BETA, "status": {"token": TOKEN}}),
            "whose version is not",
            id="another version",
        ),
        pytest.param(
            json.dumps({"kind": "ExecCredential", "apiVersion": credential_program.VERSION}),
            "without a status",
            id="no status",
        ),
        pytest.param(
            json.dumps({"kind": "ExecCredential", "apiVersion": credential_program.VERSION, "status": {}}),
            "neither a token nor",
            id="empty status",
        ),
        pytest.param("x" * (exec_plugin.MAX_OUTPUT_BYTES + 1), "printed more than", id="too much"),
    ],
)
async def test_what_is_no_credential_is_told_and_not_shown(
    printed: str, problem: str, program: CredentialProgram
) -> None:
    program.behave(prints=printed)

    text = await refusal(plugin(program))

    assert problem in text
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"token": 7}, "token is not text"),
        ({"clientCertificateData": "PEM"}, "without its key"),
        ({"clientKeyData": "KEY"}, "without its certificate"),
    ],
)
async def test_half_a_credential_is_none(status: dict[str, Any], problem: str, program: CredentialProgram) -> None:
    program.behave(status=status)

    assert problem in await refusal(plugin(program))


async def test_program_that_hangs_is_killed_with_a_hint(
    program: CredentialProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "RUN_LIMIT_S", 0.5)
    program.behave(hangs=True)

    assert "did not end within" in await refusal(plugin(program))


async def test_cancelled_call_leaves_no_program_behind(program: CredentialProgram) -> None:
    program.behave(hangs=True)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(exec_plugin.run(plugin(program)))
        await wait_until(lambda: program.runs, timeout_s=20)
        running.cancel()

    assert running.cancelled()


async def test_missing_program_is_told_with_its_hint(program: CredentialProgram) -> None:
    text = await refusal(plugin(program, command="no-such-program", installHint="Install it from example.test."))

    assert "`no-such-program`) was not found on PATH" in text
    assert text.endswith("Install it from example.test.")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1, which is not supported"),
        ({"command": ""}, "has no command"),
        ({"interactiveMode": "Always"}, "needs a terminal"),
    ],
)
def test_what_cannot_run_here_is_refused(changes: dict[str, Any], problem: str, program: CredentialProgram) -> None:
    with pytest.raises(StartError, match=problem):
        plugin(program, **changes)
