"""A gateway and a worker, and jobs of every kind that they are given."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from shared.models import JobState
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import Product

SECRET = "canary-secret"
STORED_OUTPUT_BYTES = 64 * 1024
DENIED = "127.0.0.9"
SETTINGS = {
    "K8S_MCP_SLOW_SLOTS": "1",
    "K8S_MCP_KILL_GRACE_S": "0.5",
    "K8S_MCP_STORED_OUTPUT_BYTES": str(STORED_OUTPUT_BYTES),
    "K8S_MCP_EGRESS_DENY": DENIED,
}


@dataclass(frozen=True, slots=True)
class Watched:
    """Where both tell their metrics."""

    product: Product
    gateway: str
    worker: str
    api_server: ApiServer

    @property
    def addresses(self) -> list[str]:
        return [urlsplit(url).netloc for url in (self.gateway, self.worker)]

    def scraped(self) -> dict[str, str]:
        """What each tells now."""
        return {
            "gateway": httpx.get(f"{self.gateway}/metrics", timeout=30).text,
            "worker": httpx.get(f"{self.worker}/metrics", timeout=30).text,
        }

    async def run_mixed_jobs(self) -> list[str]:
        """Succeeds, fails, prints too much, times out, is cancelled, is refused. The ids of some jobs."""
        async with caller_of(self.gateway, self.api_server.kubeconfig()) as caller:
            assert (await caller.run("kubectl", "get pods")).success
            await caller.run("stub", f"read say {SECRET}")
            await caller.run("stub", "read fail 3")
            await caller.run("stub", f"read flood {STORED_OUTPUT_BYTES * 2}")
            await caller.run("stub", "write ok")
            assert (await caller.run("stub", "read hang", timeout=0.5)).state is JobState.TIMED_OUT
            await self._run_into_refusals(caller)
            cancelled = await self._cancel(caller)
        elsewhere = self.api_server.kubeconfig(url=self.api_server.url.replace("127.0.0.1", DENIED))
        async with caller_of(self.gateway, elsewhere) as caller:
            assert not (await caller.run("kubectl", "get pods")).success
        async with caller_of(self.gateway, self._kubeconfig_of_own_metrics()) as caller:
            assert not (await caller.run("kubectl", "get pods")).success
        return cancelled

    def _kubeconfig_of_own_metrics(self) -> str:
        """A cluster that is the port on which the worker itself listens."""
        return self.api_server.kubeconfig(url=f"https://{urlsplit(self.worker).netloc}")

    async def _run_into_refusals(self, caller: Caller) -> None:
        for tool, command in (
            (SECRET, "get pods"),
            ("kubectl", f"delete namespace {SECRET}"),
            ("kubectl", f"get pods; {SECRET}"),
        ):
            assert (await caller.post(tool, command)).is_client_error
        await caller.http.request("BREW", f"/{SECRET}")
        await caller.http.request("PUT", "/jobs")

    async def _cancel(self, caller: Caller) -> list[str]:
        """One that runs, and one that waits for its slot."""
        running = await caller.running("stub", "write hang")
        queued = await caller.submit("stub", "write ok")
        for job_id in (queued, running):
            await caller.cancel(job_id)
            assert (await caller.ended(job_id)).state is JobState.CANCELLED
        return [running, queued]
