"""The cluster that tests of failovers stand on: each way to end its primary makes another server the primary."""

import pytest
from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError

from tests.support.sentinel import cluster
from tests.support.sentinel.cluster import SentinelCluster
from tests.support.sentinel.member import Member
from tests.support.sentinel.plan import Account, Plan

ACCOUNTS = Plan(account=Account("servers-only"), sentinel_account=Account("sentinels-only"))
USERS = Plan(
    account=Account("p@ss/word", user="jobs"), sentinel_account=Account("sentinels-only", user="watcher"), servers=2
)


async def assert_taken_over(running: SentinelCluster, old: Member) -> None:
    """Another server is the primary and has the data, and the old one follows it once it is back."""
    new = await running.switched(old)
    assert await new.ask("GET", "before") == "kept"
    assert await new.ask("SET", "after", "kept")


@pytest.mark.timeout(300)
async def test_cluster_is_whole_again_after_each_end_of_its_primary() -> None:
    async with cluster.running(Plan(relayed=True)) as running:
        assert await (await running.primary()).ask("SET", "before", "kept")
        assert await (await running.primary()).ask("WAIT", "2", "5000") == 2

        killed = await running.kill_primary()
        await assert_taken_over(running, killed)
        await killed.start()
        await running.whole()

        paused = await running.pause_primary()
        await assert_taken_over(running, paused)
        paused.resume()
        await running.whole()

        for silently in (True, False):
            cut = await running.cut_primary(silently=silently)
            await assert_taken_over(running, cut)
            running.mend(cut)
            await running.whole()

        demoted = await running.failover()
        await assert_taken_over(running, demoted)
        await running.whole()

        assert {await server.ask("GET", "before") for server in running.servers} == {"kept"}


@pytest.mark.parametrize("plan", [ACCOUNTS, USERS], ids=["passwords", "users"])
async def test_cluster_with_passwords_fails_over_and_turns_strangers_away(plan: Plan) -> None:
    async with cluster.running(plan) as running:
        for member in (running.servers[0], running.sentinels[0]):
            async with member.client() as client:
                client.connection_pool.connection_kwargs.update(username=None, password="wrong")
                with pytest.raises(AuthenticationError):
                    await client.ping()

        killed = await running.kill_primary()
        assert await running.switched(killed) in running.servers


async def test_primary_behind_a_cut_network_answers_only_past_it() -> None:
    async with cluster.running(Plan(relayed=True)) as running:
        cut = await running.cut_primary()
        announced = Member(
            "announced",
            running.network(cut).port,
            cut.directory,
            command=["never started"],
            account=None,
            certificates=None,
        )

        assert await cut.ask("PING")
        with pytest.raises((TimeoutError, ConnectionError)):
            await announced.ask("PING")
