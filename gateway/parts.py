"""The parts of a running gateway, built once at its start. Middleware, routes and MCP find them in the app's state."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import Tracer
from redis.asyncio import Redis

from gateway.background import Background
from gateway.fleet_metrics import FleetGauges
from gateway.intake.default_kubeconfig import DefaultKubeconfig
from gateway.intake.preparation import Preparation
from gateway.jobs.change_pages import ChangePages
from gateway.jobs.delivery import Delivery
from gateway.jobs.event_stream import EventStream
from gateway.jobs.job_lists import JobLists
from gateway.jobs.output_keys import OutputKeys
from gateway.jobs.output_pages import OutputPages
from gateway.jobs.responses import ResponseReader
from gateway.jobs.service import JobService
from gateway.jobs.submitter import SUBMITS_AT_ONCE, JobSealer, Submitter
from gateway.jobs.unserved import UnservedJobs
from gateway.jobs.waiters import JobWaiters
from gateway.policy.active import ActivePolicy
from shared.network.redis_address import RedisAddress
from shared.redis import redis_connection
from shared.redis.redis_health import ServerCheck
from shared.redis.replicas import Replicas
from shared.redis.sentinel_watch import SentinelWatch
from shared.restart_on_failure import restarted
from shared.sealing import key_file
from shared.settings import GatewaySettings
from shared.store.job_index import JobIndex
from shared.store.job_store import JobStore
from shared.store.key_mark import KeyMark
from shared.store.sweeper import Sweeper
from shared.store.workers import WorkerRegistry


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that requests need."""

    settings: GatewaySettings
    tracer: Tracer
    policy: ActivePolicy
    preparation: Preparation
    jobs: JobService
    job_lists: JobLists
    event_stream: EventStream
    output_pages: OutputPages
    change_pages: ChangePages
    workers: WorkerRegistry
    fleet_gauges: FleetGauges
    key_mark: KeyMark
    server_check: ServerCheck


def of(request: Mapping[str, Any]) -> Parts:
    """Returns the parts of the app that received a request. `request` may also be an ASGI scope."""
    found: Parts = request["app"].state.parts
    return found


@asynccontextmanager
async def running(settings: GatewaySettings, tracer: Tracer) -> AsyncIterator[Parts]:
    """Builds the parts, and runs the background tasks while the block runs."""
    address = settings.redis_address()
    async with _redis(address) as redis, _redis(address, max_connections=SUBMITS_AT_ONCE) as submitting_redis:
        sentinel_watch = SentinelWatch(address, [redis.connection_pool, submitting_redis.connection_pool])
        replicas = Replicas(lambda: sentinel_watch.replicas)
        store, submitting = JobStore(redis, replicas), JobStore(submitting_redis, replicas)
        sweeper = Sweeper(store)
        parts = _built(
            settings, tracer, store, redis=redis, submitting=submitting, sweeper=sweeper, watch=sentinel_watch
        )
        with parts.policy.listening():
            async with asyncio.TaskGroup() as group:
                looping = [
                    group.create_task(parts.jobs.waiters.run(), name="waiters"),
                    group.create_task(parts.policy.run(), name="reload the policy"),
                    group.create_task(restarted(sweeper.run, "sweep"), name="sweep"),
                    group.create_task(restarted(sentinel_watch.run, "watch sentinel"), name="watch sentinel"),
                    group.create_task(restarted(parts.server_check.run, "check redis"), name="check redis"),
                    group.create_task(key_file.follow(settings, parts.jobs.master_keys), name="master keys"),
                    group.create_task(restarted(parts.key_mark.run, "key mark"), name="key mark"),
                ]
                yield parts
                await parts.jobs.background.close()
                for task in looping:
                    task.cancel()


def _submitter(settings: GatewaySettings, store: JobStore, gateway_id: str) -> Submitter:
    return Submitter(
        store,
        queue_limit=settings.queue_limit,
        gateway_id=gateway_id,
        output_budget_bytes=settings.output_budget_bytes,
    )


def _built(
    settings: GatewaySettings,
    tracer: Tracer,
    store: JobStore,
    *,
    redis: Redis,
    submitting: JobStore,
    sweeper: Sweeper,
    watch: SentinelWatch,
) -> Parts:
    policy, master_keys, workers = ActivePolicy(settings), settings.load_master_keys(), WorkerRegistry(redis)
    waiters = JobWaiters(store, redis, UnservedJobs(store, workers, lambda: sweeper.in_contact))
    responses, background = ResponseReader(store, OutputKeys(master_keys), settings.max_output), Background()
    jobs = JobService(
        store=store,
        sealer=JobSealer(master_keys, responses.output_keys, settings, tracer),
        submitter=_submitter(settings, submitting, waiters.gateway_id),
        waiters=waiters,
        delivery=Delivery(store, waiters, background),
        master_keys=master_keys,
        responses=responses,
        settings=settings,
        background=background,
        find_primary=watch.look_again,
    )
    return Parts(
        settings=settings,
        tracer=tracer,
        policy=policy,
        preparation=Preparation(settings, DefaultKubeconfig(settings).text, policy.policy),
        jobs=jobs,
        job_lists=JobLists(JobIndex(redis), settings),
        event_stream=EventStream(store, waiters, responses),
        output_pages=OutputPages(store, responses),
        change_pages=ChangePages(store, responses.output_keys),
        workers=workers,
        fleet_gauges=FleetGauges(redis, workers),
        key_mark=KeyMark(redis, master_keys),
        server_check=ServerCheck(redis),
    )


@asynccontextmanager
async def _redis(address: RedisAddress, **options: int) -> AsyncIterator[Redis]:
    redis = redis_connection.gateway_client(address, **options)
    try:
        yield redis
    finally:
        await redis.aclose()
