"""A command that is a read by its words may send nothing but reads, in every mode and whatever the rules allow."""

import random
from collections.abc import Iterator

import pytest

from gateway.policy.policy import Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.command.invocation import Invocation
from shared.effects import Limit
from shared.errors import RequestError
from shared.settings import SecurityMode
from shared.tools import registry
from tests.support import generated_commands

COMMANDS = 3_000
LEAST_READS = 200
ALLOWING = Rules.model_validate({"rules": [{"name": "all", "action": "allow", "verbs": "*"}]})


def _reads() -> Iterator[Invocation]:
    """Yields the commands at random that the gateway takes for reads or local ones."""
    # Reseeded by pytest-randomly for each test, with the seed that it prints.
    source = random.Random(random.getrandbits(64))
    for command in generated_commands.commands(COMMANDS, source):
        try:
            invocation = parser.parse(registry.find(command.tool), str(command))
        except RequestError:
            continue
        if invocation.command_class.changes_nothing:
            yield invocation


@pytest.mark.parametrize("rules", [Rules(), ALLOWING], ids=["no rule", "a rule that allows all"])
def test_limit_of_a_read_is_a_read(rules: Rules) -> None:
    reads = list(_reads())
    for mode in SecurityMode:
        for invocation in reads:
            tool = registry.find(invocation.tool)
            found = Policy(mode, rules).judge(tool, invocation, kubeconfig_namespace=None)
            assert found.effects.limit is Limit.READ, invocation
    assert len(reads) >= LEAST_READS
