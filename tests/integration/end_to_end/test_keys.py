"""Master keys: a worker that lacks the gateway's, and keys that rotate while everything runs."""

import pytest

from shared.models import JobState
from shared.sealing import MasterKeys
from tests.integration.end_to_end.system import System
from tests.support.caller import Caller, caller_of
from tests.support.product import Product

NEW = MasterKeys.generate()


@pytest.fixture
def old_key(hasty_system: System) -> str:
    return hasty_system.product.master_key


async def test_worker_with_another_master_key_fails_the_job_with_a_reason(
    hasty_caller: Caller, hasty_product: Product
) -> None:
    await hasty_product.worker(K8S_MCP_MASTER_KEYS=NEW)

    response = await hasty_caller.run("stub", "read ok")

    assert (response.state, response.success, response.exit_code) == (JobState.FAILED, False, -1)
    assert response.error == "the request does not open with this worker's master keys"


async def test_keys_rotate_worker_first(hasty_caller: Caller, hasty_product: Product, old_key: str) -> None:
    await hasty_product.worker(K8S_MCP_MASTER_KEYS=f"{NEW},{old_key}")
    by_old = await hasty_caller.run("stub", "read ok")
    url = await hasty_product.gateway(K8S_MCP_MASTER_KEYS=f"{NEW},{old_key}")
    async with caller_of(url, hasty_caller.kubeconfig) as caller:
        by_new = await caller.run("stub", "read ok")

        assert by_old.output == by_new.output == "ok\n"
        assert await caller.ended(by_old.job_id) == by_old, "what was sealed before is still read"
