"""Runs hypothesis' state machines against a real server."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


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
