"""A REST client of one gateway that brings its kubeconfig with every command."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from shared.models import CommandResponse, Job, JobState
from tests.support.waiting import wait_until

TIMEOUT_S = 45.0
"""No test waits for so long: it turns a hang into a failure that names its request."""


def encoded(kubeconfig: str) -> str:
    """As `X-Kubeconfig` has it."""
    return base64.b64encode(kubeconfig.encode()).decode()


@dataclass(frozen=True, slots=True)
class Caller:
    http: httpx.AsyncClient
    kubeconfig: str

    async def post(self, tool: str, command: str, *, prefer: str | None = None, **fields: Any) -> httpx.Response:
        headers = {"X-Kubeconfig": encoded(self.kubeconfig), **({"Prefer": prefer} if prefer else {})}
        return await self.http.post(f"/tools/{tool}", json={"command": command, **fields}, headers=headers)

    async def run(self, tool: str, command: str, **fields: Any) -> CommandResponse:
        """Waits for the end of a command that is not refused."""
        answer = await self.post(tool, command, **fields)
        assert answer.status_code == httpx.codes.OK, answer.text
        return CommandResponse.model_validate_json(answer.text)

    async def output(self, tool: str, command: str, **fields: Any) -> str:
        """Of a command that must succeed."""
        response = await self.run(tool, command, **fields)
        assert response.success, response
        return response.output

    async def submit(self, tool: str, command: str, **fields: Any) -> str:
        """Does not wait; the job's id."""
        answer = await self.post(tool, command, prefer="respond-async", **fields)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return Job.model_validate_json(answer.text).id

    async def running(self, tool: str, command: str, **fields: Any) -> str:
        """A job that a worker has begun with; its id."""
        job_id = await self.submit(tool, command, **fields)
        await self.reaches(job_id, JobState.RUNNING)
        return job_id

    async def reaches(self, job_id: str, state: JobState, *, timeout_s: float = 20) -> None:
        async def has_state() -> bool:
            job = await self.job(job_id)
            assert job.state is state or not job.state.is_final, job
            return job.state is state

        await wait_until(has_state, timeout_s=timeout_s)

    async def job(self, job_id: str, *, wait_s: float = 0) -> Job:
        answer = await self.http.get(f"/jobs/{job_id}", params={"wait": wait_s})
        assert answer.status_code == httpx.codes.OK, answer.text
        return Job.model_validate_json(answer.text)

    async def ended(self, job_id: str, *, wait_s: float = 30) -> CommandResponse:
        """The response of a job that ends by itself."""
        job = await self.job(job_id, wait_s=wait_s)
        assert job.state.is_final, job
        return job.finished()

    async def cancel(self, job_id: str) -> Job:
        answer = await self.http.delete(f"/jobs/{job_id}")
        assert answer.status_code == httpx.codes.OK, answer.text
        return Job.model_validate_json(answer.text)


@asynccontextmanager
async def caller_of(url: str, kubeconfig: str) -> AsyncIterator[Caller]:
    """A client of the gateway at that URL."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http:
        yield Caller(http, kubeconfig)
