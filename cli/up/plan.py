"""Decides what one run of `up` starts, and checks it before anything starts."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import Signals

from cli.errors import StartError
from cli.gateway_probe import GatewayAddress, is_ours
from cli.kubeconfig import local_kubeconfig
from cli.kubeconfig.credential_cache import CredentialCache
from cli.kubeconfig.handover import handed_over
from cli.kubeconfig.renewal import KubeconfigRenewal
from cli.up import embedded_server, environment, ports, state_directory
from cli.up.runtime_directory import SOCKET_NAME, runtime_directory
from cli.up.state_directory import StateDirectory
from cli.up.supervisor import ChildSpec
from gateway.policy import active
from shared.errors import RequestError
from shared.kubeconfig import cluster_access
from shared.network import endpoints
from shared.network.redis_address import RedisAddress
from shared.settings import PREFIX, GatewaySettings, WorkerSettings


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options given on the command line."""

    kubeconfig: str | None = None
    context: str | None = None
    host: str | None = None
    port: int | None = None
    state_directory: Path | None = None
    is_for_bridges: bool = False
    """Whether this run ends when the last bridge has left. Bridges find the run by its state directory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The processes of one run, with their settings."""

    address: GatewayAddress
    gateway_settings: GatewaySettings
    worker_settings: WorkerSettings
    valkey: ChildSpec | None
    """The embedded Valkey server, or None if the user's own Redis is used."""
    gateway: ChildSpec
    worker: ChildSpec
    renewal: KubeconfigRenewal | None
    """Renews the default kubeconfig, or None if there is no default kubeconfig."""

    @property
    def redis_address(self) -> RedisAddress:
        return self.gateway_settings.redis_address()


@asynccontextmanager
async def prepared(options: UpOptions, variables: Mapping[str, str]) -> AsyncIterator[Plan]:
    """Yields the plan, and holds its lock, folders and descriptors meanwhile. Raises `StartError`, `SettingsError`."""
    own = environment.for_one_machine(variables) | _from_options(options)
    folder = options.state_directory or state_directory.default_path(variables)
    cache = CredentialCache()
    load = _kubeconfig_loader(options, own, cache)
    text = await load() if load is not None else None
    renewal: KubeconfigRenewal | None = None
    with ExitStack() as stack:
        state = stack.enter_context(state_directory.locked(folder.expanduser().absolute()))
        runtime = stack.enter_context(runtime_directory(state))
        descriptors: tuple[int, ...] = ()
        if load is not None and text is not None:
            handover = stack.enter_context(handed_over(text, runtime))
            descriptors = handover.descriptors
            own[environment.DEFAULT_KUBECONFIG_FILE] = handover.path
            renewal = KubeconfigRenewal(cache, load, handover)
        _use_master_key(state, own)
        binary = _use_valkey(runtime, own)
        gateway_settings, worker_settings = environment.load_settings(own)
        memory_bytes = gateway_settings.embedded_memory_bytes
        active.load(gateway_settings)
        if text is not None:
            _check_kubeconfig(text, gateway_settings)
        address = _free_address(gateway_settings)
        own[f"{PREFIX}PORT"] = str(address.port)
        own[environment.OWN_SERVICES] = environment.with_service(own, address.url)
        children = environment.for_children(own)
        yield Plan(
            address=address,
            gateway_settings=gateway_settings,
            worker_settings=worker_settings,
            valkey=_valkey(binary, state, runtime, own=own, memory_bytes=memory_bytes) if binary else None,
            gateway=ChildSpec("gateway", _module("gateway.main"), children, descriptors),
            worker=ChildSpec("worker", _module("worker.main"), children),
            renewal=renewal,
        )


def _from_options(options: UpOptions) -> dict[str, str]:
    given = {"HOST": options.host, "PORT": options.port}
    return {f"{PREFIX}{name}": str(value) for name, value in given.items() if value is not None}


def _kubeconfig_loader(
    options: UpOptions, own: dict[str, str], cache: CredentialCache
) -> Callable[[], Awaitable[str]] | None:
    """Returns a function that loads the default kubeconfig, or None if the user gave none."""
    if options.kubeconfig is None:
        if options.context is not None:
            raise StartError("--context picks a context of --kubeconfig, which is missing")
        return None
    if not endpoints.is_loopback(own.get(f"{PREFIX}HOST", "127.0.0.1")):
        raise StartError("--kubeconfig gives every caller access to your cluster: --host must be a loopback address")
    if options.context is not None:
        own.pop(environment.DEFAULT_CONTEXT, None)  # the only context is the current one
    return partial(
        local_kubeconfig.load,
        options.kubeconfig,
        only_context=options.context,
        current_context=own.get(environment.DEFAULT_CONTEXT),
        credential_of=cache.credential,
    )


def _check_kubeconfig(text: str, settings: GatewaySettings) -> None:
    try:
        cluster_access.rebuild(text, context=settings.default_context, allow_loopback=settings.allow_loopback)
    except RequestError as error:
        raise StartError(f"--kubeconfig: {error.detail}") from error


def _use_master_key(state: StateDirectory, own: dict[str, str]) -> None:
    if not environment.is_given(own, environment.MASTER_KEYS):
        state_directory.ensure_master_key(state.master_key_file)
        own[f"{environment.MASTER_KEYS}_FILE"] = str(state.master_key_file)


def _use_valkey(runtime: Path, own: dict[str, str]) -> Path | None:
    """Returns the embedded server's program, or None if the user's own Redis is used."""
    if environment.is_given(own, environment.REDIS_URL):
        return None
    binary = embedded_server.find_binary()
    if binary is None:
        raise StartError("no embedded Valkey for this machine: start a Redis or Valkey and set K8S_MCP_REDIS_URL")
    own[environment.REDIS_URL] = embedded_server.url(runtime / SOCKET_NAME)
    return binary


def _valkey(
    binary: Path, state: StateDirectory, runtime: Path, *, own: Mapping[str, str], memory_bytes: int
) -> ChildSpec:
    socket, data = runtime / SOCKET_NAME, state.valkey_directory
    return ChildSpec(
        "embedded Valkey",
        embedded_server.command(binary, socket=socket, data=data, memory_bytes=memory_bytes),
        {name: value for name, value in own.items() if not name.startswith(PREFIX)},
        (state.lock_descriptor,),
        on_parent_death=Signals.SIGTERM,  # on SIGTERM it writes its data to disk and removes its socket
        shows_output=False,
    )


def _free_address(settings: GatewaySettings) -> GatewayAddress:
    address = GatewayAddress(settings.host, settings.port)
    try:
        if settings.port == ports.FREE_PORT:
            return GatewayAddress(settings.host, ports.pick(settings.host))
        if not ports.is_taken(settings.host, settings.port):
            return address
    except OSError as error:
        raise StartError(f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}") from error
    holder = "another mcp-k8s" if is_ours(address) else "another program"
    also = ", and another folder with --state-directory" if is_ours(address) else ""
    raise StartError(f"port {settings.port} is taken by {holder}; stop it, or choose another with --port{also}")


def _module(name: str) -> list[str]:
    return [os.path.abspath(sys.executable), "-P", "-m", name]
