"""Requests that weigh too much or take too long, as a real server meets them: nothing of them is queued."""

import asyncio

import httpx
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.product import Product

MIB = 1024 * 1024
HEAD = b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def raw(url: str, *parts: bytes) -> tuple[int, bytes]:
    """Status and all else that a server answers to bytes that no client library sends."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    return int(answer.split()[1]), answer


async def send_forever(writer: asyncio.StreamWriter, part: bytes) -> None:
    while True:
        writer.write(part)
        await writer.drain()


async def test_body_over_the_limit_is_413(client: httpx.AsyncClient, redis: Redis) -> None:
    answer = await client.post("/jobs", content=b"x" * (8 * MIB + 1))
    assert (answer.status_code, served.code(answer)) == (413, "body-too-large")
    assert await served.is_untouched(redis)


async def test_endless_body_is_413(client: httpx.AsyncClient, redis: Redis) -> None:
    """Not a client library's: those read no answer before their body has ended."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    sending = asyncio.create_task(send_forever(writer, b"10000\r\n" + b"x" * 65_536 + b"\r\n"))
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    finally:
        sending.cancel()
        writer.close()
        await asyncio.gather(sending, writer.wait_closed(), return_exceptions=True)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert await served.is_untouched(redis)


async def test_length_over_the_limit_is_413_before_the_body(client: httpx.AsyncClient, redis: Redis) -> None:
    status, _ = await raw(str(client.base_url), HEAD + b"Connection: close\r\nContent-Length: 104857600\r\n\r\n")
    assert status == 413
    assert await served.is_untouched(redis)


async def test_body_at_the_limit_is_taken(client: httpx.AsyncClient, redis: Redis) -> None:
    body = '{"tool": "kubectl", "command": "version --client", "stdin": ""}'
    filled = body.replace('""}', f'"{"x" * (8 * MIB - len(body))}"}}')
    assert len(filled) == 8 * MIB
    assert (await client.post("/jobs", content=filled, headers={"Content-Type": "application/json"})).status_code == 202
    assert len(await served.queued(redis)) == 1


async def test_headers_over_the_limit_are_431(client: httpx.AsyncClient, redis: Redis) -> None:
    body = {"tool": "kubectl", "command": "get pods"}
    answer = await client.post("/jobs", json=body, headers={"X-Kubeconfig": "A" * 128 * 1024})
    assert (answer.status_code, served.code(answer)) == (431, "headers-too-large")
    assert "`kubeconfig`" in answer.json()["detail"]
    assert await served.is_untouched(redis)


async def test_large_kubeconfig_fits_into_the_header(client: httpx.AsyncClient) -> None:
    """Those with client certificates in base64 twice have some 20 KiB; far more is taken."""
    large = served.kubeconfig_header(extensions=[{"name": "x" * 80_000}])
    assert len(large["X-Kubeconfig"]) > 100_000
    answer = await client.post("/jobs", json={"tool": "kubectl", "command": "get pods"}, headers=large)
    assert answer.status_code == 202, answer.text


async def test_body_that_does_not_end_is_408_and_the_connection_too(product: Product, redis: Redis) -> None:
    url = await product.gateway(K8S_MCP_BODY_TIMEOUT_S="0.2")
    status, answer = await raw(url, HEAD + b"Content-Length: 100\r\n\r\n", b'{"tool":')
    assert status == 408
    assert b"body-timeout" in answer
    assert await served.is_untouched(redis)


async def test_body_that_comes_in_time_is_taken_by_the_same_gateway(product: Product, redis: Redis) -> None:
    url = await product.gateway(K8S_MCP_BODY_TIMEOUT_S="20")
    body = b'{"tool":"kubectl","command":"version --client"}'
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    status, _ = await raw(url, head, body[:10], body[10:])
    assert status == 202
    assert len(await served.queued(redis)) == 1
