"""Reports what this machine has for `mcp-k8s up` or a worker, what is missing, and what to do about it."""

import asyncio
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from cli import store_probe
from cli.doctor import doctor_tools
from cli.doctor.check import Check, Status
from cli.gateway_probe import GatewayAddress, is_ours
from cli.up import embedded_server, environment, ports, state_directory
from shared.network.redis_address import RedisAddress
from shared.redis import redis_connection
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import PREFIX, GatewaySettings, SandboxMode, SettingsError
from worker.machine import containment
from worker.machine.containment import PORTS_ABI, SCOPES_ABI, Containment


def examine(variables: Mapping[str, str], folder: Path | None) -> list[Check]:
    """Returns all checks, with the settings of `up`. `folder` is its state directory, if not the default one."""
    own = environment.for_one_machine(variables)
    path = folder or state_directory.default_path(variables)
    has_key, has_redis = (environment.is_given(own, name) for name in (environment.MASTER_KEYS, environment.REDIS_URL))
    if not has_key:
        own[environment.MASTER_KEYS] = MasterKeys.generate()  # a placeholder, so that the other settings can be checked
    try:
        gateway, worker = environment.load_settings(own)
    except SettingsError as error:
        directory = own.get(f"{PREFIX}TOOLS_DIRECTORY")
        return [
            *_programs(Path(directory) if directory else None),
            check_sandbox(containment.of_this_machine(), SandboxMode.PREFER),
            *(Check("settings", Status.WRONG, line, is_needed=True) for line in str(error).splitlines()),
        ]
    return [
        *_programs(worker.tools_directory),
        check_sandbox(containment.of_this_machine(), worker.sandbox),
        *(asyncio.run(check_redis(gateway.redis_address())) if has_redis else [_embedded_server()]),
        _given_key() if has_key else check_key_file(path / state_directory.KEY_NAME),
        check_port(gateway),
    ]


def is_usable(checks: Iterable[Check]) -> bool:
    """Returns whether all needed parts are present and valid."""
    return not any(check.is_needed and check.status in (Status.MISSING, Status.WRONG) for check in checks)


def render(checks: Iterable[Check]) -> str:
    """Formats the checks as a table of name, status and text."""
    rows = list(checks)
    width = max(len(row.name) for row in rows)
    status_width = max(len(status) for status in Status)
    return "\n".join(f"{row.name:<{width}}  {row.status:<{status_width}}  {row.text}" for row in rows)


def _programs(directory: Path | None) -> list[Check]:
    return [
        *doctor_tools.tools(directory),
        doctor_tools.filters(directory, sandboxed=containment.of_this_machine().is_sandbox),
    ]


def check_sandbox(found: Containment, mode: SandboxMode) -> Check:
    """Checks the sandbox of this machine."""
    if found.landlock_abi >= SCOPES_ABI:
        return Check("sandbox", Status.OK, str(found))
    if found.landlock_abi >= PORTS_ABI:
        return Check("sandbox", Status.WARNING, f"{found}: signals and abstract sockets are not restricted")
    if found.is_sandbox:
        return Check("sandbox", Status.WARNING, f"{found}: TCP is not restricted; that needs Linux 6.7 or later")
    if mode is SandboxMode.REQUIRE:
        advice = "a worker refuses to start with K8S_MCP_SANDBOX=require"
        return Check("sandbox", Status.MISSING, f"{found}: {advice}", is_needed=True)
    return Check("sandbox", Status.WARNING, f"{found}: commands can read your files and use your network")


async def check_redis(address: RedisAddress) -> list[Check]:
    """Checks the server of K8S_MCP_REDIS_URL, and warns of each setting of it that can lose jobs."""
    try:
        report = await store_probe.report(address)
    except UNAVAILABLE as error:
        reason = redis_connection.reason(error)
        text = f"{address.name}: {reason}; start it, or unset K8S_MCP_REDIS_URL for the embedded Valkey"
        return [Check("redis", Status.MISSING, text, is_needed=True)]
    if report.refusal is not None:
        return [Check("redis", Status.WRONG, f"{address.name}: {report.refusal}", is_needed=True)]
    return [
        Check("redis", Status.OK, f"{report.name} {report.version} at {report.place}"),
        *(Check("redis", Status.WARNING, shortcoming) for shortcoming in report.shortcomings),
    ]


def check_key_file(path: Path) -> Check:
    """Checks the master key file that `up` creates."""
    if not path.exists():
        return Check("master key", Status.OK, f"`mcp-k8s up` creates one at its first start, in {path}")
    if not state_directory.holds_key(path):
        return Check("master key", Status.WRONG, f"{path} contains no key: restore it, or remove it", is_needed=True)
    if path.stat().st_mode & state_directory.FOR_OTHERS:
        return Check("master key", Status.WARNING, f"others may read {path}: chmod 600 {path}")
    return Check("master key", Status.OK, f"in {path}")


def check_port(settings: GatewaySettings) -> Check:
    """Checks whether a gateway can listen on its port."""
    address = GatewayAddress(settings.host, settings.port)
    where = f"{settings.port} on {settings.host}"
    try:
        if not ports.is_taken(settings.host, settings.port):
            return Check("port", Status.OK, f"{where} is free")
    except OSError as error:
        return Check(
            "port", Status.WARNING, f"{where} cannot be used: {error.strerror or os.strerror(error.errno or 0)}"
        )
    if is_ours(address):
        return Check("port", Status.OK, f"{where} is in use: mcp-k8s answers at {address.url}")
    return Check("port", Status.WARNING, f"{where} is taken by another program: choose another with --port")


def _embedded_server() -> Check:
    if embedded_server.find_binary() is None:
        text = f"no embedded Valkey for {platform.system()} on {platform.machine()}: set K8S_MCP_REDIS_URL"
        return Check("redis", Status.MISSING, text, is_needed=True)
    return Check("redis", Status.OK, f"`mcp-k8s up` uses its embedded Valkey {embedded_server.version()}")


def _given_key() -> Check:
    return Check("master key", Status.OK, "from K8S_MCP_MASTER_KEYS or K8S_MCP_MASTER_KEYS_FILE")
