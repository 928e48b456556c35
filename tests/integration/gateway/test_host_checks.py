"""Host and Origin on every route there is, those that there are not, and MCP: the refusal is all that a page learns."""

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.product import Product

ROUTES = [
    ("GET", "/"),
    ("GET", "/nowhere"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/health"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/tools/status"),
    ("POST", "/tools/kubectl"),
    ("POST", "/tools/nope"),
    ("POST", "/jobs"),
    ("GET", f"/jobs/{'0' * 48}"),
    ("DELETE", f"/jobs/{'0' * 48}"),
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("POST", "/mcp/"),
    ("OPTIONS", "/jobs"),
    ("HEAD", "/health"),
    ("PUT", "/nowhere"),
]
BODY = {"tool": "kubectl", "command": served.LOCAL_COMMAND}


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({"Host": "evil.example"}, "host-refused", id="foreign host"),
        pytest.param({"Host": "127.0.0.1.evil.example:9096"}, "host-refused", id="rebinding name"),
        pytest.param({"Host": "localhost", "Origin": "https://evil.example"}, "origin-refused", id="foreign origin"),
        pytest.param({"Host": "localhost", "Origin": "null"}, "origin-refused", id="null origin"),
    ],
)
async def test_foreign_page_gets_nothing(
    client: httpx.AsyncClient, redis: Redis, *, method: str, path: str, headers: dict[str, str], code: str
) -> None:
    answer = await client.request(method, path, json=BODY, headers=headers)
    assert answer.status_code == 403
    if method != "HEAD":
        assert served.code(answer) == code
    assert "access-control-allow-origin" not in answer.headers
    assert await served.is_untouched(redis)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:9096"},
        {"Host": "[::1]:9096"},
        {"Host": "10.1.2.3:9096"},
        {"Host": "LOCALHOST"},
        {"Host": "localhost", "Origin": "http://localhost:3000"},
    ],
)
async def test_own_address_is_served(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/jobs", json=BODY, headers=headers)).status_code == 202


async def test_listed_name_is_served_and_others_are_not(product: Product) -> None:
    url = await product.gateway(K8S_MCP_ALLOWED_HOSTS="gateway.example.com, MCP.internal")
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:

        async def status(host: str, origin: str = "") -> int:
            headers = {"Host": host, **({"Origin": origin} if origin else {})}
            return (await client.get("/health", headers=headers)).status_code

        assert await status("gateway.example.com") == 200
        assert await status("mcp.internal:9096") == 200
        assert await status("gateway.example.com", "https://gateway.example.com") == 200
        assert await status("gateway.example.com", "https://evil.example") == 403
        assert await status("other.example.com") == 403
