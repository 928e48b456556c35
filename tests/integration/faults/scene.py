"""What the tests of faults act on: the processes, the server between them, and who counts what really ran."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from redis.asyncio import Redis

from shared.models import CommandResponse, JobState
from tests.integration.end_to_end.system import has_printed
from tests.support.caller import Caller, caller_of
from tests.support.counting import CountingServer
from tests.support.product import Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

CONTACT_LOST = "contact with the worker was lost"
SETTLE_TIMEOUT_S = 60.0
"""A lease of 6 s, and 10 s of unbroken contact with Redis, which may have to begin anew."""


@dataclass(frozen=True)
class Scene:
    product: Product
    valkey: Valkey
    redis: Redis
    counting: CountingServer
    caller: Caller

    @staticmethod
    @asynccontextmanager
    async def at(
        gateway: str, product: Product, valkey: Valkey, *, redis: Redis, counting: CountingServer
    ) -> AsyncIterator["Scene"]:
        async with caller_of(gateway, counting.kubeconfig) as caller:
            yield Scene(product, valkey, redis, counting, caller)

    async def submit(self, verb: str, mark: str, behaviour: str = "end") -> str:
        """The id of a job that the counting server hears of."""
        return await self.caller.submit("stub", self.counting.command(verb, mark, behaviour))

    async def holding(self, verb: str, mark: str, behaviour: str = "hold") -> str:
        """The id of a job whose command runs, has printed, and waits to be released."""
        job_id = await self.submit(verb, mark, behaviour)
        await self.counting.started(mark)
        await wait_until(lambda: has_printed(self.redis, job_id))
        return job_id

    async def run(self, verb: str, mark: str, behaviour: str = "end") -> CommandResponse:
        return await self.caller.run("stub", self.counting.command(verb, mark, behaviour))

    async def served(self, verb: str, mark: str) -> CommandResponse:
        """As `run`, once a worker has announced itself again."""
        job_id = await self.submit(verb, mark)
        return await self.ended(job_id)

    async def ended(self, job_id: str) -> CommandResponse:
        """However long the end takes that nobody chose."""
        return await self.caller.ended(job_id, wait_s=SETTLE_TIMEOUT_S)

    async def serves_again(self) -> None:
        """Until gateway and Redis have found each other."""

        async def is_ready() -> bool:
            return (await self.caller.http.get("/readyz")).status_code == httpx.codes.OK

        await wait_until(is_ready, timeout_s=60)

    def counts(self, mark: str) -> tuple[int, int]:
        """How many runs of it started, and how many came to their own end."""
        return self.counting.starts[mark], self.counting.ends[mark]


def assert_lost(response: CommandResponse) -> None:
    assert (response.state, response.exit_code, response.output) == (JobState.LOST, -1, "started\n"), response
    assert response.error == CONTACT_LOST
