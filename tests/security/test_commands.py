"""Hostile commands over REST, in `strict` and in `permissive`: no canary is touched, however they are spelled."""

import pytest

from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock
from tests.security.attack import Attack, End, cases
from tests.security.rows import endless, files, filters, identity, inside, others, programs, shell
from tests.security.scene import LATE, Scene

pytestmark = needs_landlock

MODES = [SecurityMode.STRICT, LATE, SecurityMode.PERMISSIVE]


async def attack_fails(scene: Scene, mode: str, attack: Attack) -> None:
    ends = {SecurityMode.STRICT: attack.strict, LATE: attack.late or attack.strict}
    end = ends.get(mode, attack.permissive)
    if end is not End.REFUSED and attack.tool not in scene.tools:
        pytest.skip(f"this machine has no {attack.tool}")
    await scene.check(await scene.attempt(mode, attack), end)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(shell.ROWS))
async def test_there_is_no_shell(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(filters.ROWS))
async def test_filter_gets_text_and_nothing_else(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(files.ROWS))
async def test_caller_names_no_file_of_the_worker(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(inside.ROWS))
async def test_nothing_inside_is_asked(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(identity.ROWS))
async def test_identity_is_that_of_the_kubeconfig(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(programs.ROWS))
async def test_no_program_is_started(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(endless.ROWS))
async def test_everything_ends(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", cases(others.ROWS))
async def test_istioctl_and_argocd_are_held_likewise(scene: Scene, mode: str, attack: Attack) -> None:
    await attack_fails(scene, mode, attack)
