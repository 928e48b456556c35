"""The tests' side of the server: release stalls, wait for what happened at them, read the request counts."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.api_server.statuses import ApiError
from tests.support.api_server.traffic import Traffic
from tests.support.api_server.waiting import Stalls, Tally

PREFIX = "/control/"


@dataclass(frozen=True, slots=True)
class Control:
    """`requests` counts by method and path, as in `GET /api`; its own are not counted."""

    stalls: Stalls
    requests: Counter[str]
    traffic: Traffic

    def routes(self) -> list[Route]:
        """`wait` is in seconds; `times` is how often it must have happened, since the start."""
        return [
            Route(f"{PREFIX}release/{{name}}", self.release, methods=["POST"]),
            Route(f"{PREFIX}reached/{{name}}", self.reached),
            Route(f"{PREFIX}abandoned/{{name}}", self.abandoned),
            Route(f"{PREFIX}requests", self.counts),
            Route(f"{PREFIX}heard", self.heard),
        ]

    async def release(self, request: Request) -> Response:
        self.stalls[request.path_params["name"]].released.set()
        return Response(status_code=204)

    async def reached(self, request: Request) -> Response:
        return await _counted(request, self.stalls[request.path_params["name"]].reached)

    async def abandoned(self, request: Request) -> Response:
        return await _counted(request, self.stalls[request.path_params["name"]].abandoned)

    async def counts(self, _: Request) -> Response:
        return JSONResponse(self.requests)

    async def heard(self, request: Request) -> Response:
        texts = request.query_params.getlist("text")
        held = [text for text in texts if self.traffic.holds(text)]
        return JSONResponse({"texts": held, "requests": self.requests.total()})


async def _counted(request: Request, tally: Tally) -> Response:
    times = int(request.query_params.get("times", "1"))
    try:
        async with asyncio.timeout(float(request.query_params.get("wait", "0"))):
            await tally.at_least(times)
    except TimeoutError:
        message = f"{request.url.path} happened {tally.count} times, not {times}"
        raise ApiError(504, "Timeout", message) from None
    return JSONResponse({"count": tally.count})
