"""Commands that run while the primary is ended, and come to their end when they are told to."""

import asyncio

import httpx

from shared.models import Job
from tests.soak.callers import COME_AGAIN_S, GIVE_UP_S, HTTP_TIMEOUT_S
from tests.soak.ledger import Entry, Kind, Ledger
from tests.support.caller import encoded
from tests.support.counting import CountingServer

KINDS = (Kind.HELD_WRITE, Kind.HELD_WRITE, Kind.HELD_READ)
"""In turn: two writes for each read."""
LOOK_S = 0.2
"""Between two looks at a job that is on its way to its end."""


class Held:
    """Starts, releases and follows such commands at one gateway."""

    def __init__(self, gateway: str, ledger: Ledger, counting: CountingServer) -> None:
        self._gateway, self._ledger, self._counting = gateway, ledger, counting
        self._entries: list[Entry] = []

    async def start(self, count: int) -> None:
        """Returns when so many run."""
        async with self._client() as http:
            for number in range(count):
                entry = self._ledger.open(KINDS[number % len(KINDS)])
                command = self._counting.command(entry.kind.verb, entry.mark, entry.kind.behaviour)
                answer = await http.post("/jobs", json={"tool": entry.kind.tool, "command": command})
                entry.job_id, entry.is_accepted = answer.raise_for_status().json()["id"], True
                self._entries.append(entry)
        for entry in self._entries:
            await self._counting.started(entry.mark)

    async def end(self) -> None:
        """Releases all, and returns when each has ended or is given up."""
        entries, self._entries = self._entries, []
        async with self._client() as http, asyncio.TaskGroup() as group:
            for entry in entries:
                group.create_task(self._follow(http, entry), name=f"follow {entry.mark}")

    async def _follow(self, http: httpx.AsyncClient, entry: Entry) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while entry.ended_at is None:
                    self._counting.release(entry.mark)  # again each time: a read may have begun anew
                    await self._look(http, entry)
        except TimeoutError:
            entry.problem = "stuck"

    async def _look(self, http: httpx.AsyncClient, entry: Entry) -> None:
        answer = await http.get(f"/jobs/{entry.job_id}", params={"wait": LOOK_S})
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            await asyncio.sleep(COME_AGAIN_S)
        elif answer.status_code != httpx.codes.OK:
            entry.fail(f"poll: {answer.status_code} {answer.text[:200]}")
        elif (job := Job.model_validate_json(answer.text)).state.is_final:
            entry.end(job)

    def _client(self) -> httpx.AsyncClient:
        headers = {"X-Kubeconfig": encoded(self._counting.kubeconfig)}
        return httpx.AsyncClient(base_url=self._gateway, timeout=HTTP_TIMEOUT_S, trust_env=False, headers=headers)
