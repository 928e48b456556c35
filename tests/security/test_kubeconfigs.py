"""Hostile kubeconfigs, judged by what they lead to: no program, no file, no server, and nobody's time."""

import base64

import httpx
import pytest

from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock
from tests.security import below
from tests.security.attack import Attack, End
from tests.security.rows import kubeconfigs
from tests.security.scene import Scene, Seen

pytestmark = needs_landlock

MODES = [SecurityMode.STRICT, SecurityMode.PERMISSIVE]
PROGRAM = "#!/bin/sh\necho canary-program-ran\n"


async def refused(scene: Scene, mode: SecurityMode, *, header: str | None = None, body: str | None = None) -> Seen:
    """The answer to a command that brings it."""
    await scene.expect()
    headers = {} if header is None else {"X-Kubeconfig": header}
    fields = {} if body is None else {"kubeconfig": body}
    async with scene.http(mode) as http:
        answer = await http.post("/tools/kubectl", json={"command": "get pods", **fields}, headers=headers)
    found = Seen(answer.status_code, answer.text)
    await scene.check(found, End.REFUSED)
    return found


async def test_plain_one_is_taken(scene: Scene) -> None:
    """So that those below are refused for what is wrong with them."""
    await scene.expect()
    text = scene.filled_text(kubeconfigs.config())
    async with scene.http(SecurityMode.STRICT) as http:
        answer = await http.post("/tools/kubectl", json={"command": "get pods", "kubeconfig": text})

    assert answer.status_code == httpx.codes.OK, answer.text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", kubeconfigs.PROGRAMS_FILES_AND_SERVERS)
async def test_kubeconfig_starts_reads_and_calls_nothing(scene: Scene, mode: SecurityMode, name: str) -> None:
    text = scene.filled_text(kubeconfigs.PROGRAMS_FILES_AND_SERVERS[name])

    await refused(scene, mode, header=base64.b64encode(text.encode()).decode())


@pytest.mark.parametrize("name", kubeconfigs.TEXTS)
async def test_text_that_is_made_to_hurt_is_refused(scene: Scene, name: str) -> None:
    text = scene.filled_text(kubeconfigs.TEXTS[name])

    found = await refused(scene, SecurityMode.STRICT, body=base64.b64encode(text.encode()).decode())

    assert kubeconfigs.ESCAPE not in found.text
    assert "\\u001b" not in found.text.lower()


@pytest.mark.parametrize("name", kubeconfigs.SENT_AS_THEY_ARE)
async def test_header_that_holds_no_text_is_refused(scene: Scene, name: str) -> None:
    await refused(scene, SecurityMode.STRICT, header=kubeconfigs.SENT_AS_THEY_ARE[name])


async def test_fifty_mebibytes_are_not_even_read(scene: Scene) -> None:
    found = await refused(scene, SecurityMode.STRICT, body="a: " + "x" * (50 * kubeconfigs.MEBIBYTE))

    assert found.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("name", kubeconfigs.BELOW)
async def test_sandbox_stops_what_no_gateway_has_looked_at(scene: Scene, name: str) -> None:
    text, command = kubeconfigs.BELOW[name]
    files = {"evil.yaml": text, "program.sh": PROGRAM}
    attack = Attack(name, f"--kubeconfig=evil.yaml {command}", files=files, has_kubeconfig=False)

    await scene.check(await below.attempt(scene, attack), End.FAILED)
