"""What a container says when it is started wrongly: one line, and an exit code that is not zero."""

import subprocess

import pytest

from shared.sealing.fernet_keys import MasterKeys
from tests.containers.compose import Compose
from tools import builders, images

TIMEOUT_S = 90
KEY = ("--env", f"K8S_MCP_MASTER_KEYS={MasterKeys.generate()}")
PUBLIC = ("--env", "K8S_MCP_ALLOW_ANONYMOUS=true")
UNREADABLE = ("--env", "K8S_MCP_MASTER_KEYS_FILE=/secrets/master-keys")
CONTAINED = ("--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")


def start(installation: Compose, image: str, *options: str, command: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code, and what a container said at its end."""
    argv = [installation.engine, "run", *CONTAINED, *options, images.tag(image), *command]
    finished = subprocess.run(
        argv, env=builders.environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    said = [line for line in finished.stderr.splitlines() if "systemd" not in line]
    return finished.returncode, "\n".join(said)


@pytest.mark.parametrize(
    ("image", "options", "reason"),
    [
        pytest.param("worker", (), "K8S_MCP_MASTER_KEYS is not set", id="no master key"),
        pytest.param("gateway", PUBLIC, "K8S_MCP_MASTER_KEYS is not set", id="no master key for the gateway"),
        pytest.param("gateway", KEY, "K8S_MCP_ALLOW_ANONYMOUS=true", id="open to others without their word"),
        pytest.param("worker", UNREADABLE, "K8S_MCP_MASTER_KEYS_FILE: No such file", id="file that is not there"),
        pytest.param("worker", (*KEY, "--env", "K8S_MCP_FAST_SLOTS=none"), "K8S_MCP_FAST_SLOTS", id="no number"),
    ],
)
def test_wrong_setting_ends_the_container_with_its_name(
    installation: Compose, image: str, options: tuple[str, ...], reason: str
) -> None:
    code, said = start(installation, image, *options)

    assert code == 78, said
    assert reason in said
    assert len(said.splitlines()) == 1


def test_worker_without_clis_says_so(installation: Compose) -> None:
    code, said = start(installation, "worker", *KEY, "--env", "K8S_MCP_TOOLS_DIRECTORY=/nowhere")

    assert code == 1, said
    assert "no usable CLI" in said
    assert "Traceback" not in said


def test_health_check_of_a_stopped_installation_fails_with_a_reason(installation: Compose) -> None:
    code, said = start(
        installation, "worker", *KEY, "--entrypoint", "python", command=("-m", "worker.probes.announced")
    )

    assert code == 1, said
    assert said.startswith("Redis cannot be used: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("image", ["gateway", "worker"])
def test_user_that_no_file_knows_may_run_it(installation: Compose, image: str) -> None:
    entry = ("--entrypoint", "python", "--user", "4242:4242")
    module = {"gateway": "gateway.main", "worker": "worker.main"}[image]

    code, said = start(installation, image, *entry, command=("-m", module))

    assert code == 78, said
    assert "K8S_MCP_MASTER_KEYS is not set" in said


def test_gateway_has_no_cli_and_worker_no_gateway(installation: Compose) -> None:
    for image, module in (("gateway", "worker"), ("worker", "gateway")):
        code, said = start(installation, image, "--entrypoint", "python", command=("-c", f"import {module}.main"))
        assert code == 1
        assert "No module named" in said
