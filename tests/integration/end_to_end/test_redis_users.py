"""A user of Redis that may do no more than docs/operations.md says runs gateway and worker."""

from pathlib import Path

from redis.asyncio import Redis

from shared.redis import supported
from tests.support.api_server import ApiServer
from tests.support.caller import caller_of
from tests.support.product import PROJECT, Product
from tests.support.valkey import Valkey


async def test_user_with_the_rights_of_the_page_runs_a_command(
    own_valkey: Valkey, api_server: ApiServer, tmp_path: Path
) -> None:
    assert f"`{supported.ALLOWED_USER}`" in (PROJECT / "docs" / "operations.md").read_text()
    async with Redis.from_url(own_valkey.url) as admin:
        rights = ("reset", "on", ">right", *supported.ALLOWED_USER.split())
        await admin.execute_command("ACL", "SETUSER", "app", *rights)
        await admin.execute_command("ACL", "LOG", "RESET")

        with Product(f"{own_valkey.url}?username=app&password=right", tmp_path) as product:
            url = await product.gateway()
            await product.worker()
            async with caller_of(url, api_server.kubeconfig()) as caller:
                assert await caller.output("stub", "read environment")

        assert await admin.execute_command("ACL", "LOG") == []
