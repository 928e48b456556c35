"""TLS towards API servers: what kubectl accepts, and its words for what it does not."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from shared.tools.failure_hints import CLUSTER, find
from tests.support import cluster_certificates, faulty_server
from tests.support import door as doors
from tests.support.cluster_certificates import STYLES, Issued
from tests.support.door import Answered
from tests.support.faulty_server import Connection, FaultyServer, answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDINARY = STYLES["kubeadm"]


@asynccontextmanager
async def serving(issued: Issued, *, asks_client: bool = False) -> AsyncIterator[FaultyServer]:
    authority = issued.client_authority if asks_client else None
    context = faulty_server.tls_context(issued.certificate, issued.key, client_authority=authority)
    async with faulty_server.running(answers.responds(), tls=context) as server:
        yield server


async def answered(door: Door, server: str, **access: Any) -> Answered:
    async with doors.visited(door, server, **access) as visit, doors.connected(door, visit) as client:
        return await client.get("/api/v1/pods")


async def failure(door: Door, server: str, **access: Any) -> str:
    answer = await answered(door, server, **access)
    assert answer.status == 503
    message = str(json.loads(answer.body)["message"])
    assert message.startswith(f"the server {server} cannot be reached: ")
    return message.removeprefix(f"the server {server} cannot be reached: ")


@pytest.mark.parametrize("style", STYLES)
async def test_certificates_of_every_distribution_are_accepted(door: Door, style: str, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(STYLES[style], tmp_path)
    async with serving(issued) as server:
        assert (await answered(door, server.url, authority=issued.authority)).status == 200


async def test_comments_around_an_authority_may_be_in_any_language(door: Door, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path)
    async with serving(issued) as server:
        authority = f"# Főtanúsítvány\n{issued.authority}"
        assert (await answered(door, server.url, authority=authority)).status == 200


async def test_certificate_of_another_authority_is_refused(door: Door, tmp_path: Path) -> None:
    other = cluster_certificates.issue(ORDINARY, tmp_path / "other")
    async with serving(cluster_certificates.issue(ORDINARY, tmp_path / "own")) as server:
        for access in ({"authority": other.authority}, {}):
            said = await failure(door, server.url, **access)
            assert said == "tls: failed to verify certificate: x509: certificate signed by unknown authority"
            assert find(CLUSTER, said)


async def test_verification_can_be_skipped(door: Door, tmp_path: Path) -> None:
    async with serving(cluster_certificates.issue(ORDINARY, tmp_path)) as server:
        assert (await answered(door, server.url, skips_verification=True)).status == 200


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((x509.DNSName("kubernetes"),), "x509: certificate is not valid for the address 127.0.0.1"),
        ((x509.DNSName("127.0.0.1"),), "x509: certificate is not valid for the address 127.0.0.1"),
    ],
    ids=["name", "address-as-name"],
)
async def test_certificate_for_another_name_is_refused(
    door: Door, names: tuple[x509.GeneralName, ...], words: str, tmp_path: Path
) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path, names=names)
    async with serving(issued) as server:
        assert words in await failure(door, server.url, authority=issued.authority)


async def test_common_name_is_no_name(door: Door, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path, names=(x509.DNSName("other"),))
    async with serving(issued) as server:
        access = {"authority": issued.authority, "tls_server_name": "kube-apiserver"}
        assert "x509: certificate is not valid for the name" in await failure(door, server.url, **access)


async def test_server_name_of_the_kubeconfig_counts(door: Door, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path, names=(x509.DNSName("kubernetes"),))
    async with serving(issued) as server:
        access = {"authority": issued.authority, "tls_server_name": "kubernetes"}
        assert (await answered(door, server.url, **access)).status == 200


@pytest.mark.parametrize("age", [timedelta(days=60), timedelta(days=-1)], ids=["expired", "not-yet-valid"])
async def test_certificate_out_of_its_time_is_refused(door: Door, age: timedelta, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path, age=age)
    async with serving(issued) as server:
        said = await failure(door, server.url, authority=issued.authority)
        assert "x509: certificate has expired or is not yet valid" in said


@pytest.mark.parametrize("style", ["kubeadm", "k3s"], ids=["rsa", "ec"])
async def test_client_certificate_is_shown(door: Door, style: str, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(STYLES[style], tmp_path)
    access = {"client_certificate": issued.client_certificate, "client_key": issued.client_key}
    async with serving(issued, asks_client=True) as server:
        assert (await answered(door, server.url, authority=issued.authority, **access)).status == 200


async def test_missing_client_certificate_is_told(door: Door, tmp_path: Path) -> None:
    """The alert comes after the handshake, and may be overtaken by the reset that follows it."""
    issued = cluster_certificates.issue(ORDINARY, tmp_path)
    context = faulty_server.tls_context(issued.certificate, issued.key, client_authority=issued.client_authority)

    def refuse(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                with accepted, contextlib.suppress(ssl.SSLError):
                    context.wrap_socket(accepted, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
        said = await failure(door, f"https://127.0.0.1:{listener.getsockname()[1]}", authority=issued.authority)
        listener.shutdown(socket.SHUT_RDWR)
        await refusing
    assert said in {"remote error: tls: certificate required", "read: connection reset by peer", "EOF"}


async def test_connection_with_a_client_certificate_closes_with_its_last_visit(door: Door, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path)
    access = {
        "authority": issued.authority,
        "client_certificate": issued.client_certificate,
        "client_key": issued.client_key,
    }
    async with serving(issued, asks_client=True) as server:
        await answered(door, server.url, **access)
        await doors.wait_until(lambda: server.open_connections == 0)


@pytest.mark.parametrize(
    ("access", "words"),
    [
        ({"authority": "no certificate"}, "unable to load root certificates"),
        ({"client_certificate": "no certificate", "client_key": "no key"}, "failed to find any PEM data"),
    ],
    ids=["authority", "client"],
)
async def test_certificate_that_is_none_is_told(door: Door, access: dict[str, Any], words: str, tmp_path: Path) -> None:
    async with serving(cluster_certificates.issue(ORDINARY, tmp_path)) as server:
        assert words in await failure(door, server.url, **access)


async def test_key_of_another_certificate_is_told(door: Door, tmp_path: Path) -> None:
    one, other = (cluster_certificates.issue(ORDINARY, tmp_path / name) for name in ("one", "other"))
    async with serving(one) as server:
        access = {"client_certificate": one.client_certificate, "client_key": other.client_key}
        assert "private key does not match public key" in await failure(door, server.url, **access)


async def test_server_without_tls_is_told(door: Door) -> None:
    async def speak(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server")
        connection.end()

    async with faulty_server.running(answers.responds(), at_connection=speak) as server:
        said = await failure(door, server.url.replace("http://", "https://"))
        assert said == "http: server gave HTTP response to HTTPS client"


async def test_tls_server_that_is_asked_without_tls_is_told(door: Door, tmp_path: Path) -> None:
    async with serving(cluster_certificates.issue(ORDINARY, tmp_path)) as server:
        assert await failure(door, server.url.replace("https://", "http://"))


async def test_end_in_the_handshake_is_told(door: Door) -> None:
    async def leave(connection: Connection) -> None:
        await connection.receive()
        connection.end()

    async with faulty_server.running(answers.responds(), at_connection=leave) as server:
        assert await failure(door, server.url.replace("http://", "https://")) in {
            "EOF",
            "read: connection reset by peer",
        }


async def test_silence_in_the_handshake_is_told(door: Door) -> None:
    silent = asyncio.Event()

    async def wait(connection: Connection) -> None:
        await silent.wait()

    async with faulty_server.running(answers.responds(), at_connection=wait) as server:
        said = await failure(door, server.url.replace("http://", "https://"))
        assert said == "net/http: TLS handshake timeout"


async def test_connections_of_https_are_kept_too(door: Door, tmp_path: Path) -> None:
    issued = cluster_certificates.issue(ORDINARY, tmp_path)
    async with serving(issued) as server:
        for _ in range(3):
            await answered(door, server.url, authority=issued.authority, token="t")
        assert len(server.connections) == 1
