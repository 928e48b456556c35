"""Runs the bridge on this process's standard input and output, until the input ends or a signal comes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mcp.server.stdio import stdio_server

from cli.bridge import client_process
from cli.bridge.client_process import ClientProcess
from cli.bridge.local_pair import local_pair
from cli.bridge.proxy import GatewayUrl, Proxy, Reading, Writing
from cli.bridge.upstream import Upstream
from cli.errors import StartError
from cli.kubeconfig.credential_cache import CredentialCache
from cli.remote.call_headers import CallHeaders
from shared.sealing import process_hardening

STOPPED_EXIT_CODE = 0


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """The options given on the command line."""

    url: str | None
    kubeconfig: str | None
    context: str | None


async def run(options: BridgeOptions, variables: Mapping[str, str]) -> None:
    """Serves until the client closes its stream.

    Raises `StartError` if no gateway can be started, or if a request was not answered.
    """
    process_hardening.forbid_dumps()
    credentials = CallHeaders(
        variables,
        kubeconfig=options.kubeconfig,
        context=options.context,
        credential_of=CredentialCache().credential,
    )
    upstream = Upstream()
    unanswered = None
    try:
        with client_process.on_stdout() as client:
            async with _gateway_url(options, variables, client) as gateway_url, stdio_server() as (reading, writing):
                proxy = Proxy(gateway_url, upstream, credentials, client=client)
                await _served(proxy, reading, writing, client)
                unanswered = proxy.unanswered()
                await writing.aclose()
    except* BrokenPipeError:
        pass  # the client has left without closing its end first
    finally:
        await upstream.close()
    if unanswered is not None:
        raise StartError(unanswered)


async def _served(proxy: Proxy, reading: Reading, writing: Writing, client: ClientProcess) -> None:
    """Serves until the input has ended. A signal ends the whole process."""
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(proxy.serve(reading, writing), name="serve the client")
        is_stopped = await _ended_by_signal(serving)
    if is_stopped:
        if (unanswered := proxy.unanswered()) is not None:
            client.tell(unanswered)
        # The thread that reads standard input cannot be interrupted; everything else has ended.
        os._exit(STOPPED_EXIT_CODE)


@asynccontextmanager
async def _gateway_url(
    options: BridgeOptions, variables: Mapping[str, str], client: ClientProcess
) -> AsyncIterator[GatewayUrl]:
    """Yields where the gateway is: at the URL that the user named, or on this machine."""
    if options.url is None:
        async with local_pair(variables, client.tell) as pair:
            yield pair.url
        return
    named = options.url.rstrip("/")

    async def url() -> str:
        return named

    yield url


async def _ended_by_signal(serving: "asyncio.Task[None]") -> bool:
    """Waits until the task ends, and cancels it on a signal. Returns whether a signal came."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    await asyncio.wait({serving})
    sys.stderr.flush()
    return stopped.is_set()
