"""Master keys: a worker that lacks the gateway's, and keys that rotate while everything runs."""

import pytest

from shared.sealing import MasterKeys
from tests.integration.end_to_end.system import System
from tests.support.caller import Caller, caller_of
from tests.support.product import Product
from tests.support.waiting import wait_until

NEW = MasterKeys.generate()


@pytest.fixture
def old_key(hasty_system: System) -> str:
    return hasty_system.product.master_key


async def test_worker_with_another_master_key_takes_no_job_and_says_so(
    hasty_caller: Caller, hasty_product: Product
) -> None:
    worker = hasty_product.start("worker", K8S_MCP_MASTER_KEYS=NEW)
    await wait_until(lambda: "do not open what the gateways of this Redis seal" in worker.output(), timeout_s=60)

    refused = await hasty_caller.post("stub", "read ok")

    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (503, "no-worker")
    assert '"worker announced"' not in worker.output()


async def test_gateway_with_another_master_key_is_not_ready(hasty_caller: Caller, hasty_product: Product) -> None:
    url, gateway = hasty_product.start_gateway(K8S_MCP_MASTER_KEYS=NEW)
    await wait_until(lambda: "do not open what the gateways of this Redis seal" in gateway.output(), timeout_s=60)

    async with caller_of(url, hasty_caller.kubeconfig) as caller:
        answer = await caller.http.get("/readyz")

    assert answer.status_code == 503
    assert "K8S_MCP_MASTER_KEYS must be the same everywhere" in answer.json()["detail"]
    assert (await hasty_caller.http.get("/readyz")).status_code == 200


async def test_keys_rotate_worker_first(hasty_caller: Caller, hasty_product: Product, old_key: str) -> None:
    await hasty_product.worker(K8S_MCP_MASTER_KEYS=f"{NEW},{old_key}")
    by_old = await hasty_caller.run("stub", "read ok")
    url = await hasty_product.gateway(K8S_MCP_MASTER_KEYS=f"{NEW},{old_key}")
    async with caller_of(url, hasty_caller.kubeconfig) as caller:
        by_new = await caller.run("stub", "read ok")

        assert by_old.output == by_new.output == "ok\n"
        assert await caller.ended(by_old.job_id) == by_old, "what was sealed before is still read"
