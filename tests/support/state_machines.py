"""Runs hypothesis' state machines against a real server."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

Result = TypeVar("Result")


class AsyncMachine(RuleBasedStateMachine):
    """A machine whose rules call asynchronous code. Its `teardown` closes the runner."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()

    def run(self, work: Awaitable[Result]) -> Result:
        return self.runner.get_loop().run_until_complete(work)


def run(machine: type[RuleBasedStateMachine], *, url: str, examples: int, steps: int) -> None:
    """As a test: fails with the shortest sequence of rules that fails. The machine finds the server as its `url`."""
    run_state_machine_as_test(
        type("OnThisServer", (machine,), {"url": url}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
