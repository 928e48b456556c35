"""The generator of commands leaves out no verb and no flag."""

import random

import pytest

from shared.tools import registry, table
from tests.e2e.test_reads_change_nothing import COMMANDS
from tests.support import generated_commands


@pytest.mark.parametrize("tool", registry.names())
def test_long_run_has_each_verb_and_each_flag(tool: str) -> None:
    commands = [each for each in generated_commands.commands(COMMANDS["fuzz"], random.Random(1)) if each.tool == tool]
    known = table.load(tool)

    assert {each.verb for each in commands} == set(known.verbs)
    named = {(each.verb, each.flag) for each in commands} | {("", each.flag) for each in commands}
    assert generated_commands.flags(tool) <= named


def test_same_seed_makes_the_same_commands() -> None:
    first, second = (list(generated_commands.commands(50, random.Random(7))) for _ in range(2))
    assert first == second
