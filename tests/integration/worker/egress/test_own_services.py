"""The servers behind Sentinel are services of our own, whichever of them is the primary."""

import ipaddress

from shared.network import redis_address
from shared.redis.sentinel_watch import SentinelWatch
from tests.support.product import free_port
from tests.support.sentinel import cluster
from tests.support.sentinel.plan import Plan
from worker.egress import own_services, resolver
from worker.egress.own_services import OwnServices

HERE = ipaddress.ip_address("127.0.0.1")


def own(url: str) -> OwnServices:
    address = redis_address.parse(url)
    return OwnServices(own_services.places(address, ""), resolver.resolve, SentinelWatch(address))


async def test_sentinels_and_all_servers_are_denied() -> None:
    async with cluster.running(Plan(servers=3)) as running:
        (await running.replicas())[0].kill()
        services = own(running.url)
        assert services.sentinel is not None
        ports = {member.port for member in (*running.servers, *running.sentinels)}

        assert [port for port in sorted(ports) if not await services.have(HERE, port)] == []
        assert not await services.have(HERE, free_port())
        assert not await services.have(ipaddress.ip_address("192.0.2.1"), running.servers[0].port)
        assert services.ports() == ports
        await services.sentinel.close()


async def test_nothing_is_allowed_while_no_sentinel_names_the_servers() -> None:
    assert await own(f"redis+sentinel://127.0.0.1:{free_port()}/jobs").have(HERE, free_port())


async def test_names_of_servers_stay_denied_while_the_sentinels_are_away() -> None:
    async with cluster.running(Plan(servers=2, sentinels=1)) as running:
        services = own(running.url)
        assert services.sentinel is not None
        assert await services.have(HERE, running.servers[1].port)
        running.sentinels[0].kill()

        assert await services.have(HERE, running.servers[1].port)
        assert not await services.have(HERE, free_port())
        await services.sentinel.close()
