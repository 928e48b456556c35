"""Addresses in a kubeconfig that lead to no API: each hint names what is wrong with the address."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support import faulty_server
from tests.support.api_server import ApiServer
from tests.support.caller import Caller
from tests.support.faulty_server import FaultyServer, answers

COMMANDS = pytest.mark.parametrize(
    ("tool", "command"),
    [("kubectl", "get pods"), ("kubectl", "version"), ("kubectl", "get --raw /version"), ("helm", "list")],
)
WRITE_HTTPS = "write https:// instead of http://"


def at(caller: Caller, api_server: ApiServer, url: str) -> Caller:
    """The caller, with another address of the API server."""
    return replace(caller, kubeconfig=api_server.kubeconfig(url=url))


@pytest.fixture
async def plain() -> AsyncIterator[FaultyServer]:
    """Answers a request in plain HTTP as a TLS server of Go does (net/http, `conn.serve`)."""
    told = answers.responds(
        b"Client sent an HTTP request to an HTTPS server.\n", status=400, headers={"Content-Type": "text/plain"}
    )
    async with faulty_server.running(told) as server:
        yield server


@pytest.fixture
async def no_tls() -> AsyncIterator[str]:
    """URL of a server that answers anything, also the beginning of TLS, with an error in plain HTTP."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@COMMANDS
async def test_plain_http_to_a_server_that_closes_the_connection_names_https(
    caller: Caller, api_server: ApiServer, tool: str, command: str
) -> None:
    response = await at(caller, api_server, api_server.url.replace("https:", "http:")).run(tool, command)

    assert WRITE_HTTPS in f"{response.hint}", response


@COMMANDS
async def test_plain_http_to_a_server_that_says_so_names_https(
    caller: Caller, api_server: ApiServer, plain: FaultyServer, tool: str, command: str
) -> None:
    response = await at(caller, api_server, plain.url).run(tool, command)

    assert WRITE_HTTPS in f"{response.hint}", response


@COMMANDS
async def test_tls_to_a_server_of_plain_http_names_the_port(
    caller: Caller, api_server: ApiServer, no_tls: str, tool: str, command: str
) -> None:
    response = await at(caller, api_server, no_tls).run(tool, command)

    assert "does not speak TLS on that port" in f"{response.hint}", response


@COMMANDS
@pytest.mark.parametrize("path", ["/api/v1", "/apis/apps/v1", "/k8s/clusters/c-1/api"])
async def test_path_that_leads_into_an_api_is_to_be_cut_off(
    caller: Caller, api_server: ApiServer, tool: str, command: str, path: str
) -> None:
    response = await at(caller, api_server, f"{api_server.url}{path}").run(tool, command)

    assert "Cut the path of the kubeconfig's `server` off" in f"{response.hint}", response


@COMMANDS
async def test_path_without_an_api_is_named(caller: Caller, api_server: ApiServer, tool: str, command: str) -> None:
    response = await at(caller, api_server, f"{api_server.url}/nothing/here").run(tool, command)

    assert "path" in f"{response.hint}", response
    assert "`server`" in f"{response.hint}", response


async def test_wrong_path_of_an_api_that_exists_is_not_blamed_on_the_kubeconfig_alone(caller: Caller) -> None:
    response = await caller.run("kubectl", "get --raw /apis/nothing.example/v1")

    assert "If not, the cluster lacks what was asked for." in f"{response.hint}", response
