"""A tour of the product on a real control plane: `make demo`. What it prints is what happened."""

import asyncio
import json
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.models import CommandResponse, JobState
from shared.tools import registry
from tests.e2e import manifests
from tests.support import e2e_tools
from tests.support.caller import Caller, caller_of
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.daemons import PortTakenError
from tests.support.e2e_tools import ToolsMissingError
from tests.support.product import Process, Product
from tests.support.valkey import APPEND_ONLY, Valkey

POLL_S = 5
SHOWN_LINES = 12


@dataclass(frozen=True)
class Stage:
    """What the tour plays on."""

    caller: Caller
    product: Product
    worker: Process

    async def call(self, tool: str, command: str, **fields: Any) -> None:
        """Waits for the command and shows what came of it, refusals too."""
        _show_call(f"/tools/{tool}", command, fields)
        answer = await self.caller.post(tool, command, **fields)
        if answer.is_success:
            _show_response(CommandResponse.model_validate_json(answer.text))
        else:
            _show(f"{answer.status_code} {answer.json()['detail']}")

    async def submit(self, tool: str, command: str, **fields: Any) -> str:
        """Does not wait."""
        _show_call(f"/tools/{tool}  (Prefer: respond-async)", command, fields)
        job_id = await self.caller.submit(tool, command, **fields)
        _show(f"202 job {job_id}")
        return job_id

    async def follow(self, job_id: str) -> None:
        """Polls until the job has ended."""
        while not (job := await self.caller.job(job_id, wait_s=POLL_S)).state.is_final:
            _show(f"GET /jobs/{job_id[:8]}…  {job.state}")
        _show_response(job.finished())


async def tour(stage: Stage) -> None:
    """Everyday work, a long install, mistakes, and the death of a worker."""
    _title("A cluster, and a deployment in it")
    await stage.call("kubectl", "get nodes")
    await stage.call("kubectl", "apply -f -", stdin=manifests.deployment())
    await stage.call("kubectl", "rollout status deploy/web --timeout=60s")

    _title("An install that takes its time: submitted, and asked for later")
    slow = manifests.chart(annotations=manifests.slow("12s"), replicas=3)
    await stage.follow(await stage.submit("helm", "install shop ./web -f values.yaml --wait", files=slow))

    _title("Mistakes come with a next step")
    await stage.call("kubectl", "get gizmos")
    await stage.call("kubectl", "get pods; rm -rf /")
    await stage.call("helm", "install shop ./web", files=manifests.chart())
    await stage.call("kubectl", "get pods --token=stolen")

    _title("A worker dies in the middle of an install: the job says so, and nothing runs twice")
    never = manifests.chart(annotations=manifests.slow("10m"))
    job_id = await stage.submit("helm", "install late ./web -f values.yaml --wait --timeout 10m", files=never)
    await stage.caller.reaches(job_id, JobState.RUNNING)
    _show("$ kill -9 the worker")
    stage.worker.kill()
    await stage.follow(job_id)
    await stage.product.worker()
    await stage.call("helm", "upgrade --install late ./web", files=manifests.chart())
    await stage.call("helm", "uninstall late")


async def main() -> int:
    """The exit code."""
    try:
        async with _stage() as stage:
            await tour(stage)
    except (ToolsMissingError, PortTakenError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    tools = e2e_tools.find()
    print("starting etcd, API server, controllers, KWOK, a gateway and a worker ...", flush=True)
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mcp-k8s-demo-")))
        cluster = stack.enter_context(ControlPlane(tools))
        valkey = stack.enter_context(Valkey(APPEND_ONLY))
        settings = {"K8S_MCP_TOOLS_DIRECTORY": str(tools.link(registry.names(), directory / "bin"))}
        product = stack.enter_context(Product(valkey.url, directory, entry="cli.main", settings=settings))
        url = await product.gateway()
        worker = await product.worker()
        yield Stage(await stack.enter_async_context(caller_of(url, cluster.kubeconfig())), product, worker)


def _title(text: str) -> None:
    print(f"\n# {text}", flush=True)


def _show_call(path: str, command: str, fields: dict[str, Any]) -> None:
    shown = {"command": command, **dict.fromkeys(fields, "…")}
    print(f"\n$ POST {path}  {json.dumps(shown, ensure_ascii=False)}", flush=True)


def _show_response(response: CommandResponse) -> None:
    lines = [*response.output.splitlines(), *(response.error or "").splitlines()]
    if len(lines) > SHOWN_LINES:
        lines = [*lines[:SHOWN_LINES], f"… {len(lines) - SHOWN_LINES} lines more"]
    _show("\n".join(lines))
    _show(f"({response.state}, exit code {response.exit_code}, {response.duration_ms} ms)")
    if response.hint:
        _show(f"hint: {response.hint}")


def _show(text: str) -> None:
    print(textwrap.indent(text, "  "), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
