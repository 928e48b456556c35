"""A running cluster. It tells which server is the primary, ends it, and waits until the cluster is whole again."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.exceptions import RedisError

from tests.support.cut import Network, network
from tests.support.product import free_port
from tests.support.sentinel.member import Member
from tests.support.sentinel.plan import HOST, SERVICE, Account, Plan
from tests.support.waiting import wait_until

SWITCH_TIMEOUT_S = 60.0
WHOLE_TIMEOUT_S = 120.0
"""A primary that was ended comes back as one, and sentinels look at it for some 20 s before they make it a replica."""
ACKNOWLEDGED_IN_MS = 1_000
"""Less than a member is waited for."""
LOOK_S = 0.1
"""Between two looks at a cluster: each asks up to nine processes."""
AWAY = (RedisError, OSError)


class SentinelCluster:
    """Servers of which one is the primary, and the sentinels that watch them."""

    service = SERVICE

    def __init__(self, plan: Plan, servers: list[Member], sentinels: list[Member], networks: list[Network]) -> None:
        self.plan = plan
        self.servers = servers
        self.sentinels = sentinels
        self._networks = networks
        self._announced = [each.port for each in networks] or [each.port for each in servers]

    @property
    def url(self) -> str:
        """For the product: the sentinels' addresses, the name of the service, and the account of the servers."""
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        scheme = "rediss+sentinel" if self.plan.certificates else "redis+sentinel"
        return f"{scheme}://{_userinfo(self.plan.account)}{hosts}/{SERVICE}/0"

    @property
    def settings(self) -> dict[str, str]:
        """What the product must know besides the URL."""
        settings = {}
        if account := self.plan.sentinel_account:
            settings = {
                "K8S_MCP_REDIS_SENTINEL_USERNAME": account.user,
                "K8S_MCP_REDIS_SENTINEL_PASSWORD": account.password,
            }
        if self.plan.certificates:
            settings["K8S_MCP_REDIS_CA_FILE"] = str(self.plan.certificates.ca)
        return settings

    async def primary(self) -> Member:
        """The one that most sentinels name. Raises AssertionError while they do not agree."""
        named = await asyncio.gather(*(self._named(sentinel) for sentinel in self.sentinels))
        for server in self.servers:
            if named.count(server) >= self.plan.quorum:
                return server
        raise AssertionError(f"the sentinels name {named}")

    async def replicas(self) -> list[Member]:
        """The others, whatever they are just now."""
        primary = await self.primary()
        return [server for server in self.servers if server is not primary]

    async def kill_primary(self) -> Member:
        """Ends it at once; `start` brings it back, with its data."""
        primary = await self.primary()
        primary.kill()
        return primary

    async def pause_primary(self) -> Member:
        """It stands still until `resume`, and then goes on as if nothing had been."""
        primary = await self.primary()
        primary.pause()
        return primary

    async def cut_primary(self, *, silently: bool = True) -> Member:
        """Nobody reaches it through its announced address until `mend`: silence, or else connections that end."""
        primary = await self.primary()
        between = self.network(primary)
        if silently:
            between.stall()
        else:
            between.drop()
        return primary

    def mend(self, server: Member) -> None:
        """What was on its way when the network was cut silently arrives now."""
        self.network(server).resume()

    def network(self, server: Member) -> Network:
        """The network before a server of a cluster with relays."""
        return self._networks[self.servers.index(server)]

    async def failover(self) -> Member:
        """Has a replica promoted while the primary works. Returns the old primary.

        Asks again until a replica was promoted: a sentinel refuses while it knows no replica that is good enough, and
        gives up if the one that it has chosen does not become a primary in time.
        """
        primary = await self.primary()

        async def is_replaced() -> bool:
            if await self._named(self.sentinels[0]) not in (primary, None):
                return True
            with suppress(RedisError):  # also while the failover is in progress
                await self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)
            return False

        await wait_until(is_replaced, timeout_s=SWITCH_TIMEOUT_S, interval_s=LOOK_S)
        return primary

    async def switched(self, old: Member) -> Member:
        """Waits until most sentinels name another primary than `old`, and it is one."""
        found: list[Member] = []

        async def has_switched() -> bool:
            with suppress(AssertionError, *AWAY):
                found[:] = [await self.primary()]
                return found[0] is not old and (await found[0].ask("ROLE"))[0] == "master"
            return False

        await wait_until(has_switched, timeout_s=SWITCH_TIMEOUT_S, interval_s=LOOK_S)
        return found[0]

    async def whole(self) -> None:
        """Waits until every server is the one primary or its replica in step, and every sentinel sees that."""
        await wait_until(self._is_whole, timeout_s=WHOLE_TIMEOUT_S, interval_s=LOOK_S)

    async def _named(self, sentinel: Member) -> Member | None:
        with suppress(*AWAY):
            _, port = await sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            return self._at(int(port))
        return None

    def _at(self, port: int) -> Member:
        return self.servers[self._announced.index(port)]

    async def _is_whole(self) -> bool:
        with suppress(AssertionError, *AWAY):
            primary = await self.primary()
            announced = str(self._announced[self.servers.index(primary)])
            roles = {server: await server.ask("ROLE") for server in self.servers}
            follow = all(_is_in_step(role, announced) for server, role in roles.items() if server is not primary)
            seen = [await self._sees_all(sentinel, announced) for sentinel in self.sentinels]
            return roles[primary][0] == "master" and follow and all(seen) and await self._acknowledge(primary)
        return False

    async def _acknowledge(self, primary: Member) -> bool:
        """Whether every replica has loaded its data and has a fresh write. WAIT alone is true of offset 0."""
        replicas = len(self.servers) - 1
        async with primary.client() as client, client.pipeline(transaction=False) as pipe:
            pipe.set("acknowledged", 1, px=1)
            pipe.info("replication")
            pipe.set("acknowledged", 1, px=1)
            pipe.wait(replicas, ACKNOWLEDGED_IN_MS)
            _, info, _, acknowledged = await pipe.execute()
        have_loaded = all(info.get(f"slave{number}", {}).get("offset") for number in range(replicas))
        return have_loaded and int(acknowledged) >= replicas

    async def _sees_all(self, sentinel: Member, announced: str) -> bool:
        """Whether the sentinel agrees on the primary, and could promote any replica."""
        [state] = [_pairs(each) for each in await sentinel.ask("SENTINEL", "MASTERS")]
        replicas = [_pairs(each) for each in await sentinel.ask("SENTINEL", "REPLICAS", SERVICE)]
        return (
            state["port"] == announced
            and state["flags"] == "master"
            and int(state["num-other-sentinels"]) == len(self.sentinels) - 1
            and sum(each["flags"] == "slave" for each in replicas) == len(self.servers) - 1
        )


@asynccontextmanager
async def running(plan: Plan | None = None) -> AsyncIterator[SentinelCluster]:
    """Yields a cluster that is whole. It ends with the block, and its data with it."""
    plan = plan or Plan()
    directory = Path(tempfile.mkdtemp(prefix="sentinel-"))
    server_ports = [free_port() for _ in range(plan.servers)]
    sentinel_ports = [free_port() for _ in range(plan.sentinels)]
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, directory)
        networks = [await stack.enter_async_context(network(port)) for port in server_ports if plan.relayed]
        announced = [each.port for each in networks] or server_ports
        servers, sentinels = _members(plan, directory, server_ports), _watchers(plan, directory, sentinel_ports)
        for number, server in enumerate(servers):
            primary = announced[0] if number else None
            server.configure(plan.server(server.directory, server.port, announced=announced[number], primary=primary))
        for number, sentinel in enumerate(sentinels):
            sentinel.configure(
                plan.sentinel(
                    sentinel.directory, sentinel.port, number=number, sentinels=sentinel_ports, servers=announced
                )
            )
        cluster = SentinelCluster(plan, servers, sentinels, networks)
        for member in (*servers, *sentinels):
            stack.callback(member.kill)
        await asyncio.gather(*(member.start() for member in (*servers, *sentinels)))
        await asyncio.gather(*(sentinel.ask(*plan.pace) for sentinel in sentinels if plan.period_ms))
        await cluster.whole()
        yield cluster


def _members(plan: Plan, directory: Path, ports: list[int]) -> list[Member]:
    return [
        Member(
            f"server-{number}",
            port,
            directory / f"server-{number}",
            command=[plan.programs.server],
            account=plan.inner_account,
            certificates=plan.certificates,
        )
        for number, port in enumerate(ports)
    ]


def _watchers(plan: Plan, directory: Path, ports: list[int]) -> list[Member]:
    return [
        Member(
            f"sentinel-{number}",
            port,
            directory / f"sentinel-{number}",
            command=[plan.programs.sentinel, "--sentinel"],
            account=plan.inner_sentinel_account,
            certificates=plan.certificates,
        )
        for number, port in enumerate(ports)
    ]


def _is_in_step(role: list[Any], primary: str) -> bool:
    """Whether the answer of ROLE is that of a replica which follows the primary."""
    return role[0] == "slave" and str(role[2]) == primary and role[3] == "connected"


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _userinfo(account: Account | None) -> str:
    if account is None:
        return ""
    return f"{quote(account.user, safe='')}:{quote(account.password, safe='')}@"
