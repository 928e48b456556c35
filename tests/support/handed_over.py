"""Hands a job to a worker that no gateway has looked at, sealed with the product's keys."""

from typing import Any

from redis.asyncio import Redis

from shared.models import ANONYMOUS, JobId
from shared.sealing import job_ids
from shared.sealing.envelope import RequestEnvelope
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store.job_store import JobStore
from shared.store.submits import Accepted, NewJob
from tests.support.product import Product

QUEUE_LIMIT = 1_000
RETENTION_S = 600


async def hand_over(product: Product, envelope: RequestEnvelope) -> JobId:
    """Queues the job of an anonymous caller, and returns its id, with which a gateway of the product answers."""
    master_keys = MasterKeys([product.master_key])
    job_id = job_ids.new(master_keys)
    identity = JobIdentity(job_id, ANONYMOUS)
    request_key, output_key = DataKey.generate(identity), DataKey.generate(identity)
    sealed: dict[str, Any] = {
        "request": request_key.seal(envelope.model_dump_json().encode(), Purpose.REQUEST),
        "request_key": request_key.wrap(master_keys, Purpose.REQUEST_KEY),
        "output_key": output_key.wrap(master_keys, Purpose.OUTPUT_KEY),
    }
    job = NewJob(
        id=job_id,
        principal=ANONYMOUS,
        tool=envelope.command.tool,
        command_class=envelope.command_class,
        lane=envelope.lane,
        time_limit_s=envelope.time_limit_s,
        queue_wait_s=envelope.queue_wait_s,
        retention_s=RETENTION_S,
        **sealed,
    )
    async with Redis.from_url(product.redis_url) as redis:
        answer = await JobStore(redis).submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)
    assert isinstance(answer, Accepted), answer
    return job_id
