"""The refusal of new jobs when all jobs together take as much of Redis as they may."""

import httpx

from tests.integration.gateway import served
from tests.support.product import Product


async def test_job_beyond_the_budget_is_refused_until_results_expire(product: Product) -> None:
    url = await product.gateway(K8S_MCP_OUTPUT_BUDGET_BYTES="1")
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        answer = await client.post("/jobs", json={"tool": "kubectl", "command": served.LOCAL_COMMAND})

    assert (answer.status_code, served.code(answer)) == (429, "output-full")
    assert int(answer.headers["Retry-After"]) > 0
