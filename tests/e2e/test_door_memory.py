"""What the door remembers of discovery, with the real kubectl and a real API server behind a relay that counts."""

import asyncio
import json
import secrets
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.changes import Change
from shared.effects import UNLIMITED
from shared.models import JobId
from tests.support import egress
from tests.support.api_server import kubeconfig
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools
from tests.support.recording_relay import RecordingRelay
from tests.support.waiting import wait_until
from worker import loopback
from worker.door.client.client import Door
from worker.door.messages import Access

RUN_TIMEOUT_S = 30
READY_TIMEOUT_S = 30
GROUP = "memory.example"
PODS = ("pods",)
LIST = "GET /api/v1/namespaces/default/pods?limit=500"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Notary:
    """Notes everything at once."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    async def intend(self, change: Change) -> str | None:
        self.changes.append(change)
        return None

    def complete(self, change: Change) -> None:
        """Remembers nothing."""


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = await Door.start(loopback.listener(), egress.dialer())
    yield made
    await made.close()


@pytest.fixture
def relay(cluster: ControlPlane) -> Iterator[RecordingRelay]:
    context = ssl.create_default_context(cadata=cluster.credentials.ca_pem.decode())
    with (
        httpx.Client(verify=context, base_url=cluster.url, trust_env=False, timeout=RUN_TIMEOUT_S) as client,
        RecordingRelay(client) as made,
    ):
        yield made


class Caller:
    """Runs kubectl through the door, each time with a HOME of its own."""

    def __init__(self, door: Door, relay: RecordingRelay, *, token: str, kubectl: Path, directory: Path) -> None:
        self._door = door
        self._relay = relay
        self._token = token
        self._kubectl = kubectl
        self._directory = directory
        self.notary = Notary()

    async def run(self, *arguments: str, kinds: Sequence[str] | None, stdin: str = "") -> str:
        """Returns what it printed."""
        access = Access(pass_=secrets.token_urlsafe(32), principal="caller", server=self._relay.url, token=self._token)
        names = None if kinds is None else tuple(kinds)
        async with self._door.visit(
            access, job_id=JobId("1"), effects=UNLIMITED, notary=self.notary, kinds=names
        ) as visit:
            return await self._run(arguments, visit.address.url, stdin)

    async def _run(self, arguments: Sequence[str], url: str, stdin: str) -> str:
        home = self._directory / uuid.uuid4().hex
        home.mkdir()
        config = home / "config"
        config.write_text(kubeconfig.text(url, b"", "", {"test": "default"}))
        process = await asyncio.create_subprocess_exec(
            self._kubectl,
            *arguments,
            env={"HOME": str(home), "KUBECONFIG": str(config)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(RUN_TIMEOUT_S):
            output, _ = await process.communicate(stdin.encode())
        assert process.returncode == 0, output
        return output.decode()


@pytest.fixture
def caller(door: Door, relay: RecordingRelay, cluster: ControlPlane, tools: E2eTools, tmp_path: Path) -> Caller:
    token = cluster.credentials.admin_token
    return Caller(door, relay, token=token, kubectl=tools.path("kubectl"), directory=tmp_path)


async def test_second_get_of_a_caller_is_one_request_on_an_open_connection(
    caller: Caller, relay: RecordingRelay
) -> None:
    await caller.run("get", "pods", kinds=PODS)
    connections = relay.connections
    assert len(relay.taken()) > 1

    await caller.run("get", "pods", kinds=PODS)

    assert relay.taken() == [f"{LIST} 200"]
    assert relay.connections == connections


async def test_command_of_unknown_kinds_has_discovery_confirmed(caller: Caller, relay: RecordingRelay) -> None:
    await caller.run("get", "pods", kinds=None)
    relay.taken()

    await caller.run("get", "pods", kinds=None)

    statuses = dict(each.rsplit(" ", 1) for each in relay.taken())
    assert statuses == {"GET /api?timeout=32s": "304", "GET /apis?timeout=32s": "304", LIST: "200"}


@pytest.fixture
def plural(cluster: ControlPlane) -> Iterator[str]:
    """The name of a kind that nobody has defined yet."""
    name = f"w{uuid.uuid4().hex[:8]}"
    yield name
    cluster.api.send("DELETE", f"{DEFINITIONS}/{name}.{GROUP}")


def definition(plural: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": plural.title()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


async def test_kind_that_was_installed_elsewhere_is_found_at_once(
    caller: Caller, relay: RecordingRelay, cluster: ControlPlane, plural: str
) -> None:
    await caller.run("get", "pods", kinds=PODS)
    cluster.api.create(DEFINITIONS, definition(plural))
    await wait_until(lambda: plural in cluster.api.send("GET", f"/apis/{GROUP}/v1").text, timeout_s=READY_TIMEOUT_S)

    assert "No resources found" in await caller.run("get", plural, kinds=(plural,))

    relay.taken()
    await caller.run("get", plural, kinds=(plural,))
    assert relay.taken() == [f"GET /apis/{GROUP}/v1/namespaces/default/{plural}?limit=500 200"]


async def test_definition_that_came_through_the_door_makes_it_forget(
    caller: Caller, relay: RecordingRelay, plural: str
) -> None:
    await caller.run("get", "pods", kinds=PODS)
    await caller.run("create", "-f", "-", kinds=None, stdin=json.dumps(definition(plural)))
    assert [change.resource for change in caller.notary.changes] == ["customresourcedefinitions"]
    relay.taken()

    await caller.run("get", "pods", kinds=PODS)

    assert {"GET /api?timeout=32s 200", "GET /apis?timeout=32s 200"} < set(relay.taken())


async def test_dry_run_of_a_custom_resource_is_known_for_one_after_one_question(
    caller: Caller, relay: RecordingRelay, cluster: ControlPlane, plural: str
) -> None:
    cluster.api.create(DEFINITIONS, definition(plural))
    await wait_until(lambda: plural in cluster.api.send("GET", f"/apis/{GROUP}/v1").text, timeout_s=READY_TIMEOUT_S)
    await wait_until(lambda: cluster.api.has(f"{API_SERVICES}/v1.{GROUP}"), timeout_s=READY_TIMEOUT_S)
    manifest = {"apiVersion": f"{GROUP}/v1", "kind": plural.title(), "metadata": {"name": "a"}}
    command = ("create", "--dry-run=server", "--validate=false", "-f", "-")

    for _ in range(2):
        await caller.run(*command, kinds=None, stdin=json.dumps(manifest))

    assert [each for each in relay.taken() if API_SERVICES in each] == [f"GET {API_SERVICES}/v1.{GROUP} 200"]
    assert caller.notary.changes == []
