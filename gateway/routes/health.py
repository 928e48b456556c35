"""Whether the gateway lives and can serve, and its metrics."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from redis.asyncio import Redis

import shared
from gateway import store_calls
from gateway.jobs import JobService
from shared import metrics
from shared.errors import ErrorCode, UnavailableError
from shared.store import key_mark

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str
    version: str


@router.get("/health", operation_id="health")
async def health() -> Health:
    """As in the first generation."""
    return Health(status="healthy", version=shared.__version__)


@router.get("/livez", operation_id="livez")
async def livez() -> Health:
    """Alive, whatever Redis does: a restart would not help."""
    return Health(status="alive", version=shared.__version__)


@router.get("/readyz", operation_id="readyz")
async def readyz(request: Request) -> Health:
    """Ready to take jobs; 503 when Redis is away, its jobs are sealed by other keys, or the gateway drains."""
    redis: Redis = request.app.state.redis
    service: JobService = request.app.state.jobs
    if service.waiters.is_draining:
        raise UnavailableError(ErrorCode.SHUTTING_DOWN, "This gateway is shutting down.")
    if not request.app.state.key_mark.opens:
        raise UnavailableError(ErrorCode.STORE_UNAVAILABLE, key_mark.CLOSED)
    async with store_calls.bounded():
        await redis.ping()
    return Health(status="ready", version=shared.__version__)


@router.get("/metrics", include_in_schema=False)
async def prometheus(request: Request) -> Response:
    """Prometheus' text format."""
    metrics.WAITING.set(request.app.state.jobs.waiters.waiting)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
