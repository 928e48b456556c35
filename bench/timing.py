"""Times calls in turn, so that load on the machine slows all of them equally."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.clients import Call

WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of one call's runs, in milliseconds."""

    samples: tuple[float, ...]

    @property
    def p50(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.samples, n=20, method="inclusive")[-1]


async def awaited_in_turn(calls: Mapping[str, Callable[[], Awaitable[None]]], *, runs: int) -> dict[str, Timing]:
    """Times awaited calls. Each call runs as often before the others as after them."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(WARM_UP + runs):
        for name, call in list(calls.items())[:: 1 if run % 2 else -1]:
            started = time.perf_counter()
            await call()
            if run >= WARM_UP:
                samples[name].append((time.perf_counter() - started) * 1000)
    return {name: Timing(tuple(values)) for name, values in samples.items()}


def in_turn(calls: Mapping[str, Call], *, runs: int) -> dict[str, Timing]:
    """Times each call `runs` times, in turn, after a warm-up."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(WARM_UP + runs):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if run >= WARM_UP:
                samples[name].append((time.perf_counter() - started) * 1000)
    return {name: Timing(tuple(values)) for name, values in samples.items()}
