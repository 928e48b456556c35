"""Master keys: processes that lack the gateways', and keys that are exchanged by restarts."""

from pathlib import Path

from shared.sealing.fernet_keys import MasterKeys
from tests.integration.end_to_end.system import System
from tests.support import stub
from tests.support.caller import Caller, caller_of
from tests.support.product import START_TIMEOUT_S, Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

NEW = MasterKeys.generate()
CLOSED = "cannot open jobs that the gateways on this Redis seal"


async def test_worker_with_another_master_key_takes_no_job_and_says_so(
    hasty_caller: Caller, hasty_product: Product
) -> None:
    worker = hasty_product.start("worker", K8S_MCP_MASTER_KEYS=NEW)
    await wait_until(lambda: CLOSED in worker.output(), timeout_s=START_TIMEOUT_S)

    refused = await hasty_caller.post("stub", "read ok")

    assert (refused.status_code, refused.json()["type"]) == (503, "urn:mcp-k8s:problem:no-worker")
    assert '"worker announced"' not in worker.output()


async def test_gateway_with_another_master_key_is_not_ready(hasty_system: System, hasty_product: Product) -> None:
    url, gateway = hasty_product.start_gateway(K8S_MCP_MASTER_KEYS=NEW)
    await wait_until(lambda: CLOSED in gateway.output(), timeout_s=START_TIMEOUT_S)

    async with caller_of(url, stub.KUBECONFIG) as caller, caller_of(hasty_system.url, stub.KUBECONFIG) as other:
        answer = await caller.http.get("/readyz")
        other_answer = await other.http.get("/readyz")

    assert (answer.status_code, other_answer.status_code) == (503, 200)
    assert "K8S_MCP_MASTER_KEYS must be the same everywhere" in answer.json()["detail"]


async def test_keys_are_exchanged_by_restarts_worker_first(own_valkey: Valkey, tmp_path: Path) -> None:
    with Product(own_valkey.url, tmp_path) as product:
        both = f"{NEW},{product.master_key}"
        old_url = await product.gateway()
        await product.worker(K8S_MCP_MASTER_KEYS=both)
        async with caller_of(old_url, stub.KUBECONFIG) as caller:
            by_old = await caller.run("stub", "read ok")
        product.processes[0].stop()
        async with caller_of(await product.gateway(K8S_MCP_MASTER_KEYS=both), stub.KUBECONFIG) as caller:
            by_new = await caller.run("stub", "read ok")

            assert by_old.output == by_new.output == "ok\n"
            assert await caller.ended(by_old.job_id) == by_old, "what was sealed before is still read"
