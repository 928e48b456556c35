"""What gateway and worker tell after jobs of every kind: the right numbers, and labels out of closed sets only."""

import asyncio
import re
from collections.abc import Iterator, Set

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway.http.telemetry import ANY_METHOD, METHODS
from shared.errors import ErrorCode
from shared.metrics import OutputFate, Phase, RedisErrorKind
from shared.models import CommandClass, JobState, Lane
from shared.settings import SecurityMode
from shared.tools import registry
from tests.integration.monitoring.scene import SECRET, STORED_OUTPUT_BYTES, Watched
from tests.support.caller import caller_of
from tests.support.waiting import wait_until
from tools import metrics_table
from worker.egress.policy import DialDecision

JOB_ROUTES = r"/jobs(/\{job_id\}(/events|/output|/changes)?)?"
ROUTES = rf"none|/mcp|/health|/livez|/readyz|/metrics|{JOB_ROUTES}|/tools/(status|\{{tool\}}|\w+)"
MODE = "read-only|strict|permissive"
RULE = rf"({MODE})(/\w+(/[a-z-]+)?)?|read|identity|other|fence|rules/[a-z0-9-]+"
CLOSED_SETS: dict[str, Set[str]] = {
    "method": {*METHODS, ANY_METHOD},
    "tool": {*registry.names(), "stub", "noop"},
    "command_class": set(CommandClass),
    "state": {state for state in JobState if state.is_final},
    "lane": set(Lane),
    "code": set(ErrorCode),
    "kind": set(RedisErrorKind),
    "phase": set(Phase),
    "fate": set(OutputFate),
    "decision": set(DialDecision),
}
PATTERNS = {"route": ROUTES, "status": r"[1-5]\d\d", "rule": RULE, "le": r"[0-9.e+]+|\+Inf"}


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def total(text: str, name: str, **labels: str) -> float:
    """The sum of the series that have these labels."""
    found = [each for each in samples(text) if each.name == name and labels.items() <= each.labels.items()]
    return sum(each.value for each in found)


def is_in_its_set(label: str, value: str) -> bool:
    if label in PATTERNS:
        return re.fullmatch(PATTERNS[label], value) is not None
    return value in CLOSED_SETS[label]


@pytest.fixture(scope="session")
def ended_jobs(watched: Watched) -> list[str]:
    return asyncio.run(watched.run_mixed_jobs())


async def test_every_label_is_out_of_a_closed_set(watched: Watched, ended_jobs: list[str]) -> None:
    for part, text in watched.scraped().items():
        ours = [each for each in samples(text) if each.name.startswith("mcp_k8s_")]
        strange = [
            (each.name, label, value)
            for each in ours
            for label, value in each.labels.items()
            if not is_in_its_set(label, value)
        ]
        assert ours, part
        assert not strange, part


async def test_nothing_that_a_caller_sent_is_told(watched: Watched, ended_jobs: list[str]) -> None:
    told = "".join(watched.scraped().values())

    for secret in (SECRET, watched.api_server.token, watched.product.master_key, *ended_jobs):
        assert secret not in told


async def test_every_metric_is_told_by_who_should(watched: Watched, ended_jobs: list[str]) -> None:
    told = {part: {each.name for each in samples(text)} for part, text in watched.scraped().items()}

    for row in metrics_table.table().splitlines()[2:]:
        name, _, tellers, _ = (cell.strip() for cell in row.strip("|").split("|", 3))
        name = name.strip("`")
        expected = set(tellers.split(", "))
        assert {part for part in told if {name, f"{name}_bucket"} & told[part]} == expected, name


async def test_ended_jobs_are_counted_by_tool_class_and_state(watched: Watched, ended_jobs: list[str]) -> None:
    ended = "mcp_k8s_jobs_ended_total"
    worker, gateway = (watched.scraped()[part] for part in ("worker", "gateway"))

    assert total(worker, ended, tool="kubectl", command_class="read", state="succeeded") >= 1
    assert total(worker, ended, tool="stub", command_class="read", state="failed") >= 1
    assert total(worker, ended, tool="stub", command_class="read", state="timed_out") >= 1
    assert total(worker, ended, tool="stub", command_class="write", state="cancelled") >= 1
    assert total(gateway, ended, tool="stub", command_class="write", state="cancelled") >= 1, "that never ran"


async def test_each_phase_of_each_job_is_measured(watched: Watched, ended_jobs: list[str]) -> None:
    worker = watched.scraped()["worker"]
    counts = {
        phase: {lane: total(worker, "mcp_k8s_job_phase_seconds_count", phase=phase, lane=lane) for lane in Lane}
        for phase in Phase
    }

    assert counts[Phase.QUEUE][Lane.FAST] >= 6
    assert counts[Phase.QUEUE][Lane.SLOW] >= 2
    assert all(counts[phase] == counts[Phase.QUEUE] for phase in Phase)


async def test_output_is_counted_by_what_became_of_it(watched: Watched, ended_jobs: list[str]) -> None:
    worker = watched.scraped()["worker"]

    assert total(worker, "mcp_k8s_output_bytes_total", fate="stored") >= STORED_OUTPUT_BYTES
    assert total(worker, "mcp_k8s_output_bytes_total", fate="dropped") >= STORED_OUTPUT_BYTES


async def test_refusals_are_counted_by_code_and_by_rule(watched: Watched, ended_jobs: list[str]) -> None:
    gateway = watched.scraped()["gateway"]

    for code in (ErrorCode.TOOL_UNKNOWN, ErrorCode.POLICY_DENIED, ErrorCode.COMMAND_SHELL_SYNTAX):
        assert total(gateway, "mcp_k8s_refusals_total", code=code) >= 1, code
    denied = [each for each in samples(gateway) if each.name == "mcp_k8s_policy_refusals_total"]
    assert all(each.labels["rule"].startswith(f"{SecurityMode.STRICT}/") for each in denied)
    assert sum(each.value for each in denied) >= 1


async def test_connections_of_commands_are_counted_by_decision(watched: Watched, ended_jobs: list[str]) -> None:
    worker = watched.scraped()["worker"]

    for decision in (DialDecision.ALLOWED, DialDecision.DENIED, DialDecision.OWN_SERVICE):
        assert total(worker, "mcp_k8s_egress_connections_total", decision=decision) >= 1, decision


async def test_fleet_is_seen_as_it_is(watched: Watched) -> None:
    """Each number is read from Redis when it is asked for, a few seconds old at most."""

    def lanes(name: str) -> list[float]:
        text = httpx.get(f"{watched.gateway}/metrics", timeout=30).text
        return [total(text, name, lane=lane) for lane in Lane]

    def is_seen() -> bool:
        return (lanes("mcp_k8s_queued_jobs"), lanes("mcp_k8s_running_jobs")) == ([0, 1], [0, 1])

    async with caller_of(watched.gateway, watched.api_server.kubeconfig()) as caller:
        running = await caller.running("stub", "write hang")
        queued = await caller.submit("stub", "write ok")
        await wait_until(is_seen, timeout_s=60)
        fast_s, slow_s = lanes("mcp_k8s_oldest_queued_job_seconds")
        worker = watched.scraped()["worker"]
        for job_id in (queued, running):
            await caller.cancel(job_id)
            await caller.ended(job_id)

    assert fast_s == 0
    assert slow_s > 0
    assert lanes("mcp_k8s_live_slots") == [8, 1]
    assert [total(worker, "mcp_k8s_slots", lane=lane) for lane in Lane] == [8, 1]
    assert [total(worker, "mcp_k8s_busy_slots", lane=lane) for lane in Lane] == [0, 1]
    assert total(worker, "mcp_k8s_running_children") == 1
    await wait_until(lambda: lanes("mcp_k8s_running_jobs") == [0, 0], timeout_s=60)


def test_worker_is_ready_with_what_it_found(watched: Watched) -> None:
    answer = httpx.get(f"{watched.worker}/readyz", timeout=30)

    assert answer.status_code == httpx.codes.OK
    assert {"kubectl", "stub"} <= answer.json()["tools"].keys()
    assert answer.json()["sandbox"]
