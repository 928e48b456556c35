"""Limits the size of a request's headers and body, and the time that the body may take to arrive.

The HTTP parser accepts headers of any size, so their total size is checked here. The whole body is read here, before a
route starts. After it, only a disconnect can follow.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import parts
from gateway.http import problems
from gateway.jobs.delivery import ClientGoneError
from shared.errors import ErrorCode, RequestError
from shared.kubeconfig.encoding import SELF_CONTAINED


class RequestLimits:
    """ASGI middleware: answers 431 for large headers, 413 for a large body and 408 for a slow one."""

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
            late = RequestError(ErrorCode.BODY_TIMEOUT, f"The body took more than {settings.body_timeout_s:g} s.")
            answer = problems.response(late)
            # The rest of the body must not be read as the next request, so the connection closes. After the other
            # refusals the server reads and drops the rest: a client whose sending is cut off may lose the answer.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
        except ClientGoneError:
            return  # half a body may parse as a complete request, so it must not reach a route
        except RequestError as error:
            await problems.response(error)(scope, receive, send)
        else:
            await self._app(scope, replay({"type": "http.request", "body": body}, receive), send)


def _check_headers(scope: Scope, limit: int) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limit:
        raise RequestError(
            ErrorCode.HEADERS_TOO_LARGE,
            f"The request's headers are larger than {limit} bytes. Send a large kubeconfig in the body's field "
            f"`kubeconfig` instead of the header X-Kubeconfig, or reduce it: {SELF_CONTAINED}.",
        )


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    too_large = RequestError(ErrorCode.BODY_TOO_LARGE, f"The request's body is larger than {limit} bytes.")
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
    """Returns a `receive` that gives the message once more, and then the messages that follow it."""
    waiting = [message]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
