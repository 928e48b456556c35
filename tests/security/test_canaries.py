"""The canaries sing: without that, no other test here would prove anything."""

import asyncio
import base64
import socket
from asyncio.subprocess import PIPE

import pytest

from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock
from tests.security import below
from tests.security.attack import Attack
from tests.security.scene import Scene, Seen
from tests.support.canaries import RAN
from tests.support.waiting import wait_until

pytestmark = needs_landlock

NOTHING = Seen(200, "")


async def test_program_that_is_started_says_so_and_leaves_a_mark(scene: Scene) -> None:
    process = await asyncio.create_subprocess_exec(scene.planted.program, stdout=PIPE, stderr=PIPE)
    said = await process.communicate()

    assert said == (f"{RAN}\n".encode(), f"{RAN}\n".encode())
    with pytest.raises(AssertionError):
        await scene.check_canaries(NOTHING)


@pytest.mark.parametrize("which", ["inside", "elsewhere"])
async def test_server_that_is_called_has_heard_it(scene: Scene, which: str) -> None:
    listener = {"inside": scene.inside, "elsewhere": scene.elsewhere}[which]
    with socket.create_connection(("127.0.0.1", listener.port)) as connection:
        connection.send(b"token")
    await wait_until(lambda: listener.heard == [b"token"])

    with pytest.raises(AssertionError):
        await scene.check_canaries(NOTHING)


@pytest.mark.parametrize("shift", range(3))
async def test_text_that_reaches_the_api_server_is_seen_in_base64_too(scene: Scene, shift: int) -> None:
    text = f"sent-{shift}-{scene.planted.text[::-1]}"
    data = base64.b64encode(b"x" * shift + text.encode()).decode()
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: seen-{shift}}}\ndata: {{a: {data}}}\n"
    await scene.attempt(SecurityMode.PERMISSIVE, Attack("", "apply -f -", stdin=secret))

    assert (await scene.api_server.heard(text)).texts == [text]


async def test_elsewhere_is_reached_by_who_is_not_stopped(scene: Scene) -> None:
    """By hand, a caller's own kubeconfig leads wherever it names: what the worker forbids is its own services."""
    await below.attempt(scene, Attack("", "get --raw / --server=http://@ELSEWHERE@", has_kubeconfig=True))

    assert scene.elsewhere.heard
