"""Routes of probes and metrics."""

from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

import shared
from gateway import parts, store_calls
from shared import metrics
from shared.errors import ErrorCode, UnavailableError
from shared.store import key_mark

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str
    version: str


class Readiness(Health):
    """The readiness, and the sandboxes that commands run in."""

    sandboxes: dict[str, int]
    """Kind of sandbox → number of live workers that have it."""


@router.get("/health", operation_id="health")
async def health() -> Health:
    """Returns 200 while the gateway runs. Kept for clients of the first version."""
    return Health(status="healthy", version=shared.__version__)


@router.get("/livez", operation_id="livez")
async def livez() -> Health:
    """Returns 200 even if Redis is not available, because a restart would not help then."""
    return Health(status="alive", version=shared.__version__)


@router.get("/readyz", operation_id="readyz")
async def readyz(request: Request) -> Readiness:
    """Returns 503 if Redis is away or cannot be used, its jobs are sealed by other keys, or the gateway stops."""
    found = parts.of(request)
    if found.jobs.waiters.is_draining:
        raise UnavailableError(ErrorCode.SHUTTING_DOWN, "This gateway is shutting down.")
    if found.server_check.refusal is not None:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, found.server_check.refusal)
    if not found.key_mark.opens:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, key_mark.CLOSED)
    async with store_calls.bounded():
        living = await found.workers.living()
    sandboxes = Counter(worker.sandbox for worker in living)
    return Readiness(status="ready", version=shared.__version__, sandboxes=sandboxes)


@router.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    """Returns the metrics in Prometheus' text format."""
    found = parts.of(request)
    metrics.WAITING.set(found.jobs.waiters.waiting)
    await found.fleet_gauges.refresh()
    return Response(generate_latest(metrics.GATEWAY), media_type=CONTENT_TYPE_LATEST)
