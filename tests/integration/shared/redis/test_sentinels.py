"""What clients do with what sentinels say: real ones, and fakes where a test needs sentinels that disagree."""

import asyncio
import traceback
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis import sentinel_health, sentinel_watch
from shared.redis.redis_connection import UNAVAILABLE, gateway_client, reason, worker_pool
from shared.redis.sentinel_watch import SentinelWatch
from shared.redis.sentinels import Primary, SentinelError, Sentinels
from tests.integration.shared.redis.fake_sentinels import of_sentinel, sentinels
from tests.support.impostor import error, impostor
from tests.support.product import free_port
from tests.support.sentinel import cluster
from tests.support.sentinel.plan import Account, Plan
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

SECRET = "hunter2"
WRITES = "#!lua flags=allow-oom\nreturn redis.call('SET', 'scripted', '1', 'EX', '60')"
SMALL = Plan(servers=1, sentinels=1)
LOCKED = Plan(servers=1, sentinels=1, account=Account("right"), sentinel_account=Account("right-too"))


async def failure(address: RedisAddress) -> str:
    """Why a gateway cannot use Redis."""
    async with gateway_client(address) as redis:
        with pytest.raises(UNAVAILABLE) as refusal:
            await redis.ping()
    return reason(refusal.value)


@pytest.fixture(params=["gateway", "worker"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def client(kind: str, address: RedisAddress) -> Redis:
    return gateway_client(address) if kind == "gateway" else Redis.from_pool(worker_pool(address))


async def first(redis: Redis, timeout_s: float = 60) -> Any:
    """Waits for the first element of a list."""
    return await redis.blpop(["list"], timeout_s)  # type: ignore[misc, arg-type]  # redis-py mixes both kinds of clients


async def test_service_that_no_sentinel_knows_is_named() -> None:
    async with cluster.running(SMALL) as running:
        address = redis_address.parse(running.url.replace("/jobs/", "/other/"))

        assert await failure(address) == (
            'Redis cannot be used: no Sentinel knows the service "other" that K8S_MCP_REDIS_URL names'
        )


@pytest.mark.parametrize(
    ("server", "sentinel", "variables"),
    [
        (SECRET, "right-too", "in K8S_MCP_REDIS_URL"),
        ("", "right-too", "in K8S_MCP_REDIS_URL"),
        ("right", SECRET, "K8S_MCP_REDIS_SENTINEL_PASSWORD"),
        ("right", "", "K8S_MCP_REDIS_SENTINEL_PASSWORD"),
    ],
    ids=["of Redis", "none for Redis", "of Sentinel", "none for Sentinel"],
)
async def test_wrong_password_is_told_by_its_variable(server: str, sentinel: str, variables: str) -> None:
    async with cluster.running(LOCKED) as running:
        url = running.url.replace(":right@", f":{server}@" if server else "")
        text = await failure(redis_address.parse(url, sentinel_password=sentinel))

    assert "rejects the user or password" in text
    assert text.endswith(variables)
    assert SECRET not in text


async def test_sentinels_that_are_away_are_named(kind: str) -> None:
    first, second = free_port(), free_port()
    address = redis_address.parse(f"redis+sentinel://:{SECRET}@127.0.0.1:{first},127.0.0.1:{second}/jobs")
    async with client(kind, address) as redis:
        with pytest.raises(UNAVAILABLE) as error:
            await redis.ping()

    text = reason(error.value)
    assert text.startswith(f"Redis cannot be used: no Sentinel answers at 127.0.0.1:{first}, 127.0.0.1:{second} (")
    assert SECRET not in text


async def test_server_in_the_place_of_a_sentinel_is_told(valkey: Valkey) -> None:
    async with impostor(valkey.socket, {}) as place:
        assert place.server is not None
        text = await failure(redis_address.parse(f"redis+sentinel://127.0.0.1:{place.server.port}/jobs"))

    assert "K8S_MCP_REDIS_URL must name Sentinels, not servers" in text


async def test_password_that_something_else_than_a_sentinel_quotes_is_not_told(valkey: Valkey) -> None:
    quoted = error(f"ERR unknown command 'AUTH', with args beginning with: '{SECRET}' ")
    async with impostor(valkey.socket, {"AUTH": quoted}) as place:
        assert place.server is not None
        url = f"redis+sentinel://127.0.0.1:{place.server.port}/jobs"
        async with gateway_client(redis_address.parse(url, sentinel_password=SECRET)) as redis:
            with pytest.raises(UNAVAILABLE) as refusal:
                await redis.ping()

    assert "must name Sentinels" in reason(refusal.value)
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


async def test_primary_that_is_announced_by_an_inner_address_is_named(valkey: Valkey) -> None:
    """A fake: a sentinel that names a primary which is nowhere."""
    port = free_port()
    async with sentinels(valkey, [(port, 0)]) as address:
        text = await failure(address)

    assert f"the primary that Sentinel names, 127.0.0.1:{port}, cannot be reached" in text
    assert "replica-announce-ip" in text


async def test_primary_that_is_down_is_waited_for_at_another_sentinel(kind: str) -> None:
    async with cluster.running(Plan(servers=1, sentinels=1, down_after_ms=500)) as running:
        address = redis_address.parse(running.url)
        (await running.primary()).kill()

        async def is_down() -> bool:
            async with client(kind, address) as redis:
                with pytest.raises(UNAVAILABLE) as error:
                    await redis.ping()
                return "Sentinel says that the primary is down" in reason(error.value)

        await wait_until(is_down)


async def test_sentinel_that_hangs_or_is_gone_is_passed_over(kind: str) -> None:
    async with cluster.running() as running:
        running.sentinels[0].pause()
        running.sentinels[1].kill()
        async with client(kind, redis_address.parse(running.url)) as redis:
            assert await redis.ping()
        running.sentinels[0].resume()


async def test_newest_answer_counts_and_older_ones_no_more(valkey: Valkey) -> None:
    """Fakes: sentinels that have not heard of each other's failovers."""
    async with sentinels(valkey, [(1001, 1), (1002, 2)]) as address:
        asked = Sentinels(address)
        assert (await asked.primary()).port == 1001, "the first that answers, as long as nothing is known"
        assert (await asked.newest()).port == 1002
        assert (await asked.primary()).port == 1002
        await asked.close()


async def test_lone_sentinel_that_is_behind_is_not_believed(valkey: Valkey) -> None:
    """Fakes: one sentinel that is behind, and two that are away."""
    async with sentinels(valkey, [(1001, 1), None, None]) as address:
        asked = Sentinels(address)
        asked.learn(Primary("127.0.0.1", 1002, epoch=2, replicas=0, replicas_up=0))
        for question in (asked.primary, asked.newest):
            with pytest.raises(SentinelError):
                await question()
        await asked.close()


async def test_sentinels_that_were_set_up_anew_are_believed(valkey: Valkey) -> None:
    """Fakes: sentinels that have all forgotten the failovers before, as without a volume."""
    async with sentinels(valkey, [(1001, 0), (1001, 0), None]) as address:
        for name in ("primary", "newest"):
            asked = Sentinels(address)
            asked.learn(Primary("127.0.0.1", 1002, epoch=9, replicas=0, replicas_up=0))
            assert (await getattr(asked, name)()).port == 1001
            await asked.close()


async def test_answers_that_are_late_do_not_count_as_a_new_setup(valkey: Valkey) -> None:
    """Fakes that are behind, asked before a newer answer was learned."""
    async with sentinels(valkey, [(1001, 1), (1001, 1)]) as address:
        for name in ("primary", "newest"):
            asked = Sentinels(address)
            asking = asyncio.create_task(getattr(asked, name)(), name=name)
            await asyncio.sleep(0)  # it has begun to ask
            asked.learn(Primary("127.0.0.1", 1002, epoch=2, replicas=0, replicas_up=0))
            with pytest.raises(SentinelError):
                await asking
            await asked.close()


class Counted(dict[str, bytes]):
    """Answers that count how often a sentinel was asked for the primary."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += key == "SENTINEL MASTER"
        return super().get(key, default)


async def test_looks_at_the_same_time_are_one_which_outlives_a_cancelled_call(valkey: Valkey) -> None:
    answers = Counted(of_sentinel(1001, 1))
    async with impostor(valkey.socket, answers) as place:
        assert place.server is not None
        watch = SentinelWatch(redis_address.parse(f"redis+sentinel://127.0.0.1:{place.server.port}/jobs"))
        first, *others = [asyncio.create_task(watch.look(), name="look") for _ in range(5)]
        await asyncio.sleep(0)  # all have begun
        first.cancel()
        await asyncio.gather(*others)
        assert (answers.asked, watch.replicas.primary) == (1, ("127.0.0.1", 1001))
        await watch.close()


async def test_callers_who_miss_something_share_one_look_a_second(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Counted(of_sentinel(1001, 1))
    async with impostor(valkey.socket, answers) as place:
        assert place.server is not None
        watch = SentinelWatch(redis_address.parse(f"redis+sentinel://127.0.0.1:{place.server.port}/jobs"))
        assert await asyncio.gather(*(watch.look_again() for _ in range(3))) == [True] * 3
        assert answers.asked == 1
        monkeypatch.setattr(sentinel_watch, "PAUSE_S", 3_600.0)
        waiting = asyncio.create_task(watch.look_again(), name="look again")
        await watch.look()
        assert answers.asked == 2
        assert not waiting.done()
        waiting.cancel()
        await watch.close()


async def test_look_that_began_before_is_not_enough_for_a_caller_who_misses_something(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been answered before the failover that took what the caller misses to another server."""
    monkeypatch.setattr(sentinel_watch, "PAUSE_S", 0.0)
    answers = Counted(of_sentinel(1001, 1))
    async with impostor(valkey.socket, answers) as place:
        assert place.server is not None
        watch = SentinelWatch(redis_address.parse(f"redis+sentinel://127.0.0.1:{place.server.port}/jobs"))
        before = asyncio.create_task(watch.look(), name="look")
        await asyncio.sleep(0)  # it has begun
        await asyncio.gather(before, watch.look_again())
        assert answers.asked == 2
        await watch.close()


async def test_nobody_is_asked_for_what_is_missed_without_sentinel(valkey: Valkey) -> None:
    assert not await SentinelWatch(valkey.address).look_again()


async def test_gateway_waits_for_a_free_connection_and_has_no_more_than_its_limit() -> None:
    async with (
        cluster.running(SMALL) as running,
        gateway_client(redis_address.parse(running.url), max_connections=2) as redis,
    ):
        primary = await running.primary()
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(first(redis, timeout_s=0.05), name="blocks")
        clients = await primary.ask("CLIENT", "LIST", "TYPE", "normal")

    assert clients.count("cmd=blpop") == 2


async def test_calls_go_on_at_the_new_primary_when_the_old_one_refuses_them(kind: str) -> None:
    """A fake sentinel, which names the other of two real servers at once; the old one closes no connection."""
    old_port, new_port = free_port(), free_port()
    options = {"bind": "127.0.0.1"}
    with Valkey({"port": str(old_port), **options}) as old, Valkey({"port": str(new_port), **options}) as new:
        answers = of_sentinel(old_port, 1)
        async with impostor(old.socket, answers) as place, Redis.from_url(old.url) as admin:
            assert place.server is not None
            address = redis_address.parse(f"redis+sentinel://127.0.0.1:{place.server.port}/jobs")
            async with client(kind, address) as redis, asyncio.TaskGroup() as group:
                popping = group.create_task(first(redis), name="pop")
                write = redis.register_script(WRITES)
                await write()

                async def is_blocked() -> bool:
                    return any(each["cmd"] == "blpop" for each in await admin.client_list())

                await wait_until(is_blocked)
                answers.update(of_sentinel(new_port, 2))
                await admin.replicaof("127.0.0.1", str(new_port))

                assert await write() == b"OK"
                assert await redis.set("plain", "1", ex=60)
                async with redis.pipeline(transaction=False) as pipe:
                    pipe.set("piped", "1", ex=60)
                    pipe.wait(0, 1)
                    assert await pipe.execute() == [True, 0]
                await redis.rpush("list", "job")  # type: ignore[misc]  # redis-py mixes both kinds of clients
                assert await popping == (b"list", b"job")
        async with Redis.from_url(new.url) as there:
            assert await there.exists("scripted", "plain", "piped") == 3


async def test_server_that_became_a_replica_is_told_without_sentinel_too(own_valkey: Valkey, kind: str) -> None:
    async with client(kind, own_valkey.address) as redis:
        await redis.replicaof("127.0.0.1", "1")
        with pytest.raises(UNAVAILABLE) as error:
            await redis.set("key", "1")

    assert "the server has become a replica" in reason(error.value)


async def test_watch_expects_replicas_that_sentinel_knows_also_when_they_are_away() -> None:
    async with cluster.running(Plan(servers=2)) as running:
        watch = SentinelWatch(redis_address.parse(running.url), [])
        assert watch.replicas.expected, "nothing is known yet"
        (replica,) = await running.replicas()
        replica.kill()
        await watch.look()
        assert watch.replicas.expected
        await watch.close()


async def test_primary_goes_on_alone_after_its_sentinels_were_reset() -> None:
    """As docs/operations.md says it, when no replica will come back."""
    async with cluster.running(Plan(servers=2)) as running:
        watch = SentinelWatch(redis_address.parse(running.url), [])
        (replica,) = await running.replicas()
        replica.kill()
        for sentinel in running.sentinels:
            await sentinel.ask("SENTINEL", "RESET", running.service)

        async def expects_none() -> bool:
            await watch.look()
            return not watch.replicas.expected

        await wait_until(expects_none)
        await watch.close()


async def test_watch_without_replicas_or_sentinel_expects_none(valkey: Valkey) -> None:
    assert not SentinelWatch(valkey.address, []).replicas.expected
    async with sentinels(valkey, [(1001, 0)]) as address:
        watch = SentinelWatch(address, [])
        await watch.look()
        assert not watch.replicas.expected
        await watch.close()


async def test_watch_says_once_that_no_sentinel_answers_and_keeps_the_primary() -> None:
    async with cluster.running(Plan(servers=2, sentinels=1)) as running:
        watch = SentinelWatch(redis_address.parse(running.url), [])
        with capture_logs() as logs:
            await watch.look()
            running.sentinels[0].kill()
            await watch.look()
            await watch.look()
            assert watch.replicas.expected
            await running.sentinels[0].start()
            await watch.look()
        await watch.close()

    assert [entry["event"] for entry in logs] == [
        "redis primary",
        "sentinel does not name a primary",
        "sentinel names a primary again",
    ]


async def test_health_names_what_a_failover_would_lack() -> None:
    async with cluster.running(Plan(servers=2)) as running:
        address = redis_address.parse(running.url)
        assert await sentinel_health.shortcomings(address) == []
        running.sentinels[2].kill()
        assert [text.partition(":")[0] for text in await sentinel_health.shortcomings(address)] == [
            "Sentinel at 127.0.0.1"
        ]

    async with cluster.running(SMALL) as running:
        found = await sentinel_health.shortcomings(redis_address.parse(running.url))
    assert [text.partition(",")[0] for text in found] == [
        "fewer than three sentinels are named",
        "Sentinel knows no replica of jobs",
    ]


async def test_servers_of_the_service_are_listed_also_when_they_are_down() -> None:
    async with cluster.running(Plan(servers=3)) as running:
        (await running.replicas())[0].kill()
        asked = Sentinels(redis_address.parse(running.url))
        found = await asked.servers()
        await asked.close()

    assert {each.port for each in found} == {server.port for server in running.servers}
    assert {each.host for each in found} == {"127.0.0.1"}
