"""The same commands handed to the worker by hand: what the sandbox and the proxy stop, though nobody checked."""

import pytest

from tests.integration.end_to_end.system import needs_landlock
from tests.security import below
from tests.security.attack import Attack, cases
from tests.security.rows import files, filters, identity, inside, others, programs, shell
from tests.security.scene import Scene

pytestmark = needs_landlock


GROUPS = {
    "shell": shell.ROWS,
    "filters": filters.ROWS,
    "files": files.ROWS,
    "inside": inside.ROWS,
    "identity": identity.ROWS,
    "programs": programs.ROWS,
    "others": others.ROWS,
}
CASES = [case for name, rows in GROUPS.items() for case in cases([row for row in rows if row.below], group=name)]


@pytest.mark.parametrize("attack", CASES)
async def test_sandbox_alone_stops_it(scene: Scene, attack: Attack) -> None:
    assert attack.below is not None
    if attack.tool not in scene.tools:
        pytest.skip(f"this machine has no {attack.tool}")
    await scene.check(await below.attempt(scene, attack), attack.below)
