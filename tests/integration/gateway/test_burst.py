"""More calls at once than Redis connections, queue or event loop are made for: each is told what became of its job."""

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.product import Product

CALLS = 1_500
QUEUE_LIMIT = 1_000
ANSWERS = {(202, ""), (429, "queue-full"), (503, "gateway-busy")}


@pytest.fixture(autouse=True)
def _enough_open_files() -> Iterator[None]:
    """For the calls' connections, here and in the gateway, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CALLS + 500
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (wanted if soft != resource.RLIM_INFINITY and soft < wanted else soft, hard)
    )
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: str
    body: Any

    @property
    def kind(self) -> tuple[int, str]:
        """Status, and the problem's slug if it is one."""
        return self.status, self.body.get("type", "").rpartition(":")[2]


async def burst(url: str, path: str, body: dict[str, str]) -> list[Answer]:
    """Calls on as many connections, all written before any answer is read: a client library would pace them."""
    address = urlsplit(url)
    content = json.dumps(body)
    headers = {**served.kubeconfig_header(), "Host": "localhost", "Content-Type": "application/json"}
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": len(content)}.items()]
    request = "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", content]).encode()
    connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(CALLS)]
    for _, writer in connections:
        writer.write(request)
    return await asyncio.gather(*(read(*connection) for connection in connections))


async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    status, _, headers = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")
    [size] = [int(line.split(":")[1]) for line in headers.splitlines() if line.lower().startswith("content-length:")]
    body = json.loads(await reader.readexactly(size))
    writer.close()
    await writer.wait_closed()
    return Answer(int(status.split()[1]), headers.lower(), body)


async def test_each_call_of_a_burst_is_told_what_became_of_it(product: Product, redis: Redis) -> None:
    url = await product.gateway(K8S_MCP_QUEUE_LIMIT=str(QUEUE_LIMIT))
    answers = await burst(url, "/jobs", {"tool": "kubectl", "command": served.READ_COMMAND})
    told = Counter(answer.kind for answer in answers)
    assert set(told) <= ANSWERS, told
    assert 0 < told[202, ""] <= QUEUE_LIMIT
    accepted = {answer.body["id"] for answer in answers if answer.status == 202}
    assert set(await served.jobs(redis)) == accepted
    assert all("retry-after: " in answer.headers for answer in answers)
