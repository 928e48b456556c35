"""Answers whose size or pace is the point: pod logs, a stalled answer, half an answer, a large one."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.api_server import statuses
from tests.support.api_server.resources import PODS
from tests.support.api_server.store import Address, Store
from tests.support.api_server.waiting import Stalls

LOG_LINES = ("starting", "listening on :8080", "ready")
LAST_LOG_LINE = "stopping"
"""What a followed log says once its stall (`log-` and the pod's name) is released."""

_CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Streams:
    """Endpoints that `kubectl logs` and `kubectl get --raw` read, below a path that a read may ask for."""

    store: Store
    stalls: Stalls

    def routes(self) -> list[Route]:
        """`/bytes/{size}` answers with lines that have that size together."""
        return [
            Route(f"/{PODS.root}/namespaces/{{namespace}}/pods/{{name}}/log", self.log),
            Route("/healthz/stall/{name}", self.stalled),
            Route("/healthz/stream/{name}", self.stream),
            Route("/bytes/{size:int}", self.bytes),
        ]

    async def log(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.store.get(Address(PODS, request.path_params["namespace"], name))
        tail = request.query_params.get("tailLines", "")
        lines = LOG_LINES[-int(tail) or len(LOG_LINES) :] if tail.isdecimal() else LOG_LINES
        if request.query_params.get("follow") != "true":
            return PlainTextResponse(_text(*lines))
        await request.body()
        answer = self._halves(request, f"log-{name}", (_text(*lines), _text(LAST_LOG_LINE)))
        return StreamingResponse(answer, media_type="text/plain")

    async def stalled(self, request: Request) -> Response:
        name = request.path_params["name"]
        await request.body()
        await self.stalls.hold(name, request)
        return JSONResponse(statuses.success({"name": name}))

    async def stream(self, request: Request) -> Response:
        name = request.path_params["name"]
        await request.body()
        answer = self._halves(request, name, (_text("before"), _text("after")))
        return StreamingResponse(answer, media_type="text/plain")

    async def bytes(self, request: Request) -> Response:
        return StreamingResponse(_lines(request.path_params["size"]), media_type="text/plain")

    async def _halves(self, request: Request, stall: str, halves: tuple[str, str]) -> AsyncIterator[str]:
        yield halves[0]
        if await self.stalls.hold(stall, request):
            yield halves[1]


def _text(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def _lines(size: int) -> Iterator[str]:
    """Lines of 64 characters, the last one as long as is left."""
    chunk = ("x" * 63 + "\n") * (_CHUNK_BYTES // 64)
    for _ in range(size // _CHUNK_BYTES):
        yield chunk
    yield chunk[: size % _CHUNK_BYTES]
