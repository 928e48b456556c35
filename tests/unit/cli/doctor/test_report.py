import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.doctor import report
from cli.doctor.check import Check, Status
from cli.up import environment
from shared.network import redis_address
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings, SandboxMode
from tests.support import dynamic_elf, static_elf
from tests.support.impostor import bulk, impostor
from tests.support.sentinel import cluster
from tests.support.sentinel.plan import Plan
from tests.support.valkey import Valkey
from worker.machine.containment import Containment

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _environment_is_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a machine without any CLI."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(environment, "FETCHED_TOOLS", tmp_path / "bin")
    return {"PATH": str(tmp_path / "bin"), "K8S_MCP_TOOLS_DIRECTORY": str(tmp_path / "bin"), "K8S_MCP_PORT": "0"}


def found(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.mark.parametrize(
    ("abi", "mode", "status"),
    [
        (7, SandboxMode.REQUIRE, Status.OK),
        (5, SandboxMode.REQUIRE, Status.WARNING),
        (1, SandboxMode.REQUIRE, Status.WARNING),
        (0, SandboxMode.PREFER, Status.WARNING),
        (0, SandboxMode.REQUIRE, Status.MISSING),
    ],
)
def test_sandbox_is_judged_by_what_the_kernel_can_deny(abi: int, mode: SandboxMode, status: Status) -> None:
    check = report.check_sandbox(
        Containment(abi, has_seccomp=True, has_no_new_privileges=True, has_nameless_files=True), mode
    )

    assert check.status is status
    assert ("Landlock ABI" in check.text, "no sandbox: " in check.text) == (abi > 0, abi == 0)


def test_key_file_that_does_not_exist_is_made_by_up(tmp_path: Path) -> None:
    assert report.check_key_file(tmp_path / "master.key").status is Status.OK


def test_key_file_without_a_key_is_a_bad_one(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(SECRET)

    check = report.check_key_file(path)

    assert (check.status, check.is_needed) == (Status.WRONG, True)
    assert SECRET not in check.text


def test_key_file_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(MasterKeys.generate())
    path.chmod(0o644)

    assert report.check_key_file(path).status is Status.WARNING


def test_taken_port_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = GatewaySettings(port=server.getsockname()[1], master_keys=SecretStr(MasterKeys.generate()))

        assert report.check_port(settings).status is Status.WARNING


async def test_redis_that_keeps_everything_is_ok(own_valkey: Valkey) -> None:
    (check,) = await report.check_redis(own_valkey.address)

    assert check.status is Status.OK
    assert check.text.startswith("Valkey 9")


async def test_redis_that_is_not_append_only_is_a_warning(valkey: Valkey) -> None:
    checks = await report.check_redis(valkey.address)

    assert [check.status for check in checks] == [Status.OK, Status.WARNING]


async def test_redis_that_is_not_supported_is_wrong(valkey: Valkey) -> None:
    """A fake: a real server behind a relay that answers INFO as an old one."""
    async with impostor(valkey.socket, {"INFO": bulk("redis_version:6.2.14\r\n")}) as address:
        (check,) = await report.check_redis(address)

    assert (check.status, check.is_needed) == (Status.WRONG, True)
    assert "6.2.14" in check.text


async def test_service_of_sentinel_is_shown_with_its_primary_and_what_it_lacks() -> None:
    async with cluster.running(Plan(servers=1)) as running:
        found, *warnings = await report.check_redis(redis_address.parse(running.url))

    assert found.status is Status.OK
    assert found.text.endswith(f"at {running.url}, primary 127.0.0.1:{running.servers[0].port}")
    assert [each.text.partition(",")[0] for each in warnings] == ["Sentinel knows no replica of jobs"]


async def test_unreachable_redis_is_told_without_its_password() -> None:
    (check,) = await report.check_redis(redis_address.parse(f"redis://:{SECRET}@127.0.0.1:1/0"))

    assert (check.status, check.is_needed) == (Status.MISSING, True)
    assert SECRET not in check.text


def test_machine_without_any_cli_is_not_usable(empty: dict[str, str], tmp_path: Path) -> None:
    checks = report.examine(empty, tmp_path)

    assert not report.is_usable(checks)
    assert "https://" in found(checks, "kubectl").text


def test_script_does_not_count_as_a_cli(empty: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "bin" / "kubectl"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    assert "not a static binary" in found(report.examine(empty, tmp_path), "kubectl").text


@pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="writes a program for this machine")
@pytest.mark.parametrize("is_operators", [True, False], ids=["in the operator's folder", "on PATH"])
def test_cli_that_is_too_old_is_a_warning_that_says_how_to_get_another(
    empty: dict[str, str], tmp_path: Path, *, is_operators: bool
) -> None:
    static_elf.write(tmp_path / "bin" / "kubectl", static_elf.printing("Client Version: v1.32.4\n"))
    if not is_operators:
        del empty["K8S_MCP_TOOLS_DIRECTORY"]

    check = found(report.examine(empty, tmp_path), "kubectl")

    assert (check.status, check.is_needed) == (Status.WARNING, False)
    assert "older than 1.36: `get --raw`" in check.text
    assert "https://" in check.text
    assert ("`make tools`" in check.text) is not is_operators


@pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="writes a program for this machine")
def test_fetched_cli_is_found_before_one_on_path(empty: dict[str, str], tmp_path: Path) -> None:
    static_elf.write(tmp_path / "bin" / "kubectl", static_elf.printing("Client Version: v1.37.1\n"))
    (tmp_path / "older").mkdir()
    static_elf.write(tmp_path / "older" / "kubectl", static_elf.printing("Client Version: v1.32.4\n"))
    del empty["K8S_MCP_TOOLS_DIRECTORY"]

    check = found(report.examine(empty | {"PATH": str(tmp_path / "older")}, tmp_path), "kubectl")

    assert check.text.startswith("1.37.1")


def test_filters_are_listed_and_what_is_missing_is_no_obstacle(empty: dict[str, str], tmp_path: Path) -> None:
    dynamic_elf.write(tmp_path / "bin" / "grep", loader=dynamic_elf.write(tmp_path / "ld.so"))

    check = found(report.examine(empty, tmp_path), "filters")

    assert check.text.startswith("grep; no jq (not found); ")
    assert (check.status, check.is_needed) == (Status.WARNING, False)


def test_bad_settings_explain_themselves(empty: dict[str, str], tmp_path: Path) -> None:
    checks = report.examine(empty | {"K8S_MCP_MASTER_KEYS": SECRET, "K8S_MCP_TIMEOUT": "-1"}, tmp_path)

    bad = [check for check in checks if check.name == "settings"]
    told = [check.text for check in bad]
    assert {check.status for check in bad} == {Status.WRONG}
    assert not report.is_usable(checks)
    assert ["K8S_MCP_MASTER_KEYS" in told[0], "K8S_MCP_TIMEOUT" in told[1]] == [True, True]
    assert SECRET not in report.render(checks)


def test_table_has_a_line_for_each_check() -> None:
    checks = [Check("a", Status.OK, "fine"), Check("longer", Status.MISSING, "get it", is_needed=True)]

    assert report.render(checks).splitlines() == ["a       ok       fine", "longer  missing  get it"]
