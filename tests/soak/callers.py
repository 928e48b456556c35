"""The callers of a soak: each submits a job to either gateway, waits for its end, and goes on to the next."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from shared.models import Job
from tests.soak.ledger import Entry, Kind, Ledger
from tests.support.caller import encoded
from tests.support.counting import CountingServer

CALLERS = 64
"""More than a killed worker's slots: the callers of its jobs wait for longer than the others."""
POLL_WAIT_S = 20
HTTP_TIMEOUT_S = 60.0
KEEP_ALIVE_S = 2.0
"""Shorter than the gateway's, which else closes an idle connection at the moment in which a request is sent on it."""
COME_AGAIN_S = 0.2
"""What a caller of a busy or cut-off gateway waits before it tries again; no test waits for it."""
UNKNOWN = (httpx.codes.NOT_FOUND, httpx.codes.GONE)
"""Answers that there is no such job."""
GIVE_UP_S = 90.0
"""A job that has no end by then is stuck: its queue, lease and time limits are all shorter."""


class Callers:
    """Drives a number of jobs through the gateways."""

    def __init__(self, gateways: Sequence[str], ledger: Ledger, counting: CountingServer) -> None:
        self._gateways = gateways
        self._ledger = ledger
        self._counting = counting
        self._headers = {"X-Kubeconfig": encoded(counting.kubeconfig)}

    async def run(self, jobs: int, chance: random.Random, *, callers: int = CALLERS) -> None:
        """Returns when every job has ended, or is given up."""
        kinds = iter(chance.choices(list(Kind), weights=[kind.share for kind in Kind], k=jobs))
        async with asyncio.TaskGroup() as group:
            for number in range(callers):
                group.create_task(self._call(kinds, number), name=f"caller {number}")

    async def _call(self, kinds: Iterator[Kind], number: int) -> None:
        limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_S)
        async with httpx.AsyncClient(
            timeout=HTTP_TIMEOUT_S, trust_env=False, headers=self._headers, limits=limits
        ) as http:
            for turn, kind in enumerate(kinds):
                entry = self._ledger.open(kind)
                ways = [self._gateways[(number + turn + step) % len(self._gateways)] for step in range(2)]
                try:
                    async with asyncio.timeout(GIVE_UP_S):
                        if await self._submit(http, entry, ways[0]):
                            await self._until_ended(http, entry, ways[1])
                except TimeoutError:
                    entry.problem = entry.problem or "stuck"
                except httpx.TransportError as error:
                    entry.fail(f"{type(error).__name__}: {error}")

    async def _submit(self, http: httpx.AsyncClient, entry: Entry, gateway: str) -> bool:
        """Until it is taken. Whether there is a job to wait for."""
        body = self._body(entry)
        while True:
            answer = await http.post(f"{gateway}/jobs", json=body)
            if answer.status_code == httpx.codes.ACCEPTED:
                entry.job_id, entry.is_accepted = answer.json()["id"], True
                return True
            if answer.status_code not in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS):
                entry.fail(f"submit: {answer.status_code} {answer.text[:200]}")
                return False
            self._ledger.refused += 1
            entry.job_id = answer.json().get("job_id")
            if entry.job_id:  # nobody knows whether it is queued: its id tells, and it must not be sent again
                return True
            await asyncio.sleep(COME_AGAIN_S)

    def _body(self, entry: Entry) -> dict[str, Any]:
        kind = entry.kind
        if not kind.is_counted:
            return {"tool": kind.tool, "command": f"{kind.verb} {entry.mark}"}
        return {"tool": kind.tool, "command": self._counting.command(kind.verb, entry.mark, kind.behaviour)}

    async def _until_ended(self, http: httpx.AsyncClient, entry: Entry, gateway: str) -> None:
        while True:
            answer = await http.get(f"{gateway}/jobs/{entry.job_id}", params={"wait": POLL_WAIT_S})
            if answer.status_code == httpx.codes.OK:
                job = Job.model_validate_json(answer.text)
                if job.state.is_final:
                    return entry.end(job)
            elif answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self._ledger.refused += 1
                await asyncio.sleep(COME_AGAIN_S)
            else:
                entry.is_unknown = answer.status_code in UNKNOWN
                return entry.fail(f"poll: {answer.status_code} {answer.text[:200]}")
