"""Times calls in turn, each as often before the others as after them, so that load slows all of them equally."""

import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bench.clients import Call

WARM_UP = 5
MS_PER_S = 1_000

AnyCall = TypeVar("AnyCall")


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
    """Times awaited calls `runs` times, after a warm-up."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for name, call, counts in _turns(calls, runs):
        started = time.perf_counter()
        await call()
        if counts:
            samples[name].append((time.perf_counter() - started) * MS_PER_S)
    return {name: Timing(tuple(values)) for name, values in samples.items()}


def in_turn(calls: Mapping[str, Call], *, runs: int) -> dict[str, Timing]:
    """Times each call `runs` times, after a warm-up."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for name, call, counts in _turns(calls, runs):
        started = time.perf_counter()
        call()
        if counts:
            samples[name].append((time.perf_counter() - started) * MS_PER_S)
    return {name: Timing(tuple(values)) for name, values in samples.items()}


def _turns(calls: Mapping[str, AnyCall], runs: int) -> Iterator[tuple[str, AnyCall, bool]]:
    """Yields each call with whether it counts; the order of the calls is reversed from one turn to the next."""
    for run in range(WARM_UP + runs):
        for name, call in list(calls.items())[:: 1 if run % 2 else -1]:
            yield name, call, run >= WARM_UP
