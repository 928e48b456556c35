"""Bounds what a request may weigh, before anything reads it.

The HTTP parser takes headers of any size, so their sum is checked here. A body is read as a whole, for the routes need
it as a whole, and within a time: after it only a disconnect can follow.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import parts
from gateway.http import problems
from gateway.jobs.delivery import ClientGoneError
from shared.errors import ErrorCode, RequestError
from shared.kubeconfig.encoding import SELF_CONTAINED


class RequestLimits:
    """ASGI middleware: 431, 413 and 408."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        settings = parts.of(scope).settings
        try:
            _check_headers(scope, settings.max_header_bytes)
            async with asyncio.timeout(settings.body_timeout_s):
                body = await _body(scope, receive, settings.max_body_bytes)
        except TimeoutError:
            late = RequestError(ErrorCode.BODY_TIMEOUT, f"The body took over {settings.body_timeout_s:g} s to arrive.")
            answer = problems.response(late)
            # What may still come of the body is no next request. After the other refusals the server reads the rest
            # and drops it: a connection that is cut while a client sends takes the answer with it.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
        except ClientGoneError:
            return  # half a body may read as a whole request, but its sender has not said all
        except RequestError as error:
            await problems.response(error)(scope, receive, send)
        else:
            await self._app(scope, replay({"type": "http.request", "body": body}, receive), send)


def _check_headers(scope: Scope, limit: int) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limit:
        raise RequestError(
            ErrorCode.HEADERS_TOO_LARGE,
            f"The request's headers are over {limit} bytes; send a large kubeconfig in the body's field "
            f"`kubeconfig` instead of X-Kubeconfig, or reduce it: {SELF_CONTAINED}.",
        )


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    too_large = RequestError(ErrorCode.BODY_TOO_LARGE, f"The request's body is over {limit} bytes.")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)


def replay(message: Message, receive: Receive) -> Receive:
    """Receives the message, which was received before, and then what follows."""
    waiting = [message]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
