"""What only policy stops: refused in `strict` however it is spelled, let run in `permissive`, and told so there."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock
from tests.security.attack import Attack, cases
from tests.security.rows import policy
from tests.security.scene import LATE, Scene
from tests.support.api_server import ApiServer
from tests.support.mcp_caller import MODES, mcp_client, text_of

pytestmark = needs_landlock

SECRET_VALUE = "canary-of-a-secret"
ENCODED_VALUE = base64.b64encode(SECRET_VALUE.encode()).decode()


@pytest.mark.parametrize("attack", cases(policy.ROWS))
async def test_strict_deletes_named_objects_in_a_namespace_and_no_more(scene: Scene, attack: Attack) -> None:
    await scene.check(await scene.attempt(SecurityMode.STRICT, attack), attack.strict)


@pytest.mark.parametrize("attack", cases(policy.ROWS))
async def test_strict_holds_without_early_refusals(scene: Scene, attack: Attack) -> None:
    await scene.check(await scene.attempt(LATE, attack), attack.late or attack.strict)


@pytest.mark.parametrize("mode", SecurityMode)
@pytest.mark.parametrize("attack", cases(policy.READS_BY_THEIR_WORDS))
async def test_read_by_its_words_changes_nothing(scene: Scene, attack: Attack, mode: SecurityMode) -> None:
    await scene.check(await scene.attempt(mode, attack), attack.strict)


@pytest.fixture(scope="session")
def _doomed_server() -> Iterator[ApiServer]:
    with ApiServer.long_lived() as server:
        yield server


@pytest.fixture
def doomed(scene: Scene, _doomed_server: ApiServer) -> Scene:
    """The scene with a cluster of which nothing is left in the end."""
    return replace(scene, api_server=_doomed_server, requests=[], before=[])


@pytest.mark.parametrize("attack", cases(policy.ROWS))
async def test_permissive_lets_it_run_and_contains_it_all_the_same(doomed: Scene, attack: Attack) -> None:
    if attack.tool not in doomed.tools:
        pytest.skip(f"this machine has no {attack.tool}")
    await doomed.check(await doomed.attempt(SecurityMode.PERMISSIVE, attack), attack.permissive)


@pytest.fixture
async def planted_secret(scene: Scene) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "canary", "namespace": policy.KEPT},
        "data": {"value": ENCODED_VALUE},
    }
    stdin = f"{policy.manifest('Namespace', policy.KEPT)}---\n{json.dumps(secret)}"
    applied = Attack("plant", "apply -f -", stdin=stdin)
    found = await scene.attempt(SecurityMode.PERMISSIVE, applied)
    assert found.response is not None, found
    assert found.response.success, found
    await scene.check_canaries(found)


@pytest.mark.usefixtures("planted_secret")
@pytest.mark.parametrize("attack", cases(policy.SECRETS))
async def test_strict_shows_no_value_of_a_secret(scene: Scene, attack: Attack) -> None:
    found = await scene.attempt(SecurityMode.STRICT, attack)

    await scene.check(found, attack.strict)
    assert SECRET_VALUE not in found.text
    assert ENCODED_VALUE not in found.text


@pytest.mark.usefixtures("planted_secret")
async def test_permissive_shows_it(scene: Scene) -> None:
    """So that the test above proves something."""
    [attack] = [attack for attack in policy.SECRETS if attack.name == "yaml"]

    assert ENCODED_VALUE in (await scene.attempt(SecurityMode.PERMISSIVE, attack)).text


@pytest.mark.parametrize("attack", cases(policy.READ_ONLY))
async def test_read_only_changes_nothing(scene: Scene, attack: Attack) -> None:
    await scene.check(await scene.attempt(SecurityMode.READ_ONLY, attack), attack.strict)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("command", ["create cm x -n doomed", "rollout restart deploy/web", "delete pod web-1"])
async def test_read_only_holds_over_mcp_too(scene: Scene, mode: str, command: str) -> None:
    before = await scene.api_server.heard()
    gateway = scene.gateways[SecurityMode.READ_ONLY]
    async with mcp_client(gateway, kubeconfig=scene.api_server.kubeconfig(), mode=mode) as client:
        result = await client.call_tool("kubectl", {"command": command})

    assert result.is_error
    assert "policy-denied" in text_of(result)
    assert await scene.api_server.heard() == before


@pytest.mark.parametrize("mode", [*SecurityMode, LATE])
@pytest.mark.parametrize("attack", cases(policy.READ_ONLY))
async def test_inspecting_changes_nothing_in_any_mode(scene: Scene, attack: Attack, mode: str) -> None:
    sent = scene.filled(attack)
    before = await scene.api_server.heard()
    arguments = {"tool": sent.tool, "command": sent.command, "stdin": sent.stdin, "files": dict(sent.files)}
    async with mcp_client(scene.gateways[mode], kubeconfig=scene.api_server.kubeconfig()) as client:
        result = await client.call_tool("inspect", arguments)

    assert result.is_error
    assert re.search("policy-denied|verb-unknown", text_of(result))
    assert await scene.api_server.heard() == before
