"""One worker process: it serves two lanes and stops in a fixed sequence.

Stop taking jobs → wait for running jobs, at most the drain time → end the others as cancelled → close.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

import structlog

from shared.models import Lane
from shared.restart_on_failure import restarted
from shared.store.sweeper import Sweeper
from shared.store.workers import Announcement
from worker import helper_death
from worker.announcer import Announcer
from worker.door.client.client import Door
from worker.lane import LaneWorker
from worker.launcher.client import Launcher
from worker.leases import LeaseKeeper

CANCEL_MARGIN_S = 10.0
"""Seconds after the kill grace in which the outcomes of ended jobs are written."""
STOP_REASON = "the worker was stopped before the command ended; a write may have taken effect"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerApp:
    """The parts of a worker, ready to run."""

    lanes: Mapping[Lane, LaneWorker]
    leases: LeaseKeeper
    announcer: Announcer
    sweeper: Sweeper
    launcher: Launcher
    door: Door
    drain_timeout_s: float
    kill_grace_s: float
    follow_keys: Callable[[], Coroutine[None, None, None]]

    async def run(self, stop: asyncio.Event, hurry: asyncio.Event) -> str | None:
        """Serves until `stop`; `hurry` ends the drain. Returns which helper process died and how, if one did."""
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(self._serve(lane), name=f"lane {name}") for name, lane in self.lanes.items()]
            looping = [
                group.create_task(restarted(self.leases.renew, "renew leases"), name="renew leases"),
                group.create_task(restarted(self.leases.listen, "hear cancellations"), name="hear cancellations"),
                group.create_task(restarted(self.sweeper.run, "sweep"), name="sweep"),
                group.create_task(self.follow_keys(), name="master keys"),
            ]
            announcing = group.create_task(restarted(self.announcer.run, "announce"), name="announce")
            death = await helper_death.first({"launcher": self.launcher, "door": self.door}, stop)
            announcing.cancel()
            await self._drain(hurry, serving)
            await self._leave_jobs()
            for task in (*serving, *looping):
                task.cancel()
        return death

    async def _serve(self, lane: LaneWorker) -> None:
        await self.announcer.announced.wait()
        await lane.serve()

    async def _drain(self, hurry: asyncio.Event, serving: list["asyncio.Task[None]"]) -> None:
        for lane in self.lanes.values():
            lane.stop_taking_jobs()
        log.info("draining", running=self.leases.running, timeout_s=self.drain_timeout_s)
        idle = asyncio.create_task(self._wait_until_idle(), name="idle")
        hurried = asyncio.create_task(hurry.wait(), name="hurry")
        await asyncio.wait({idle, hurried}, timeout=self.drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not idle.done():
            log.warning("ending running jobs", running=self.leases.running)
            self.leases.cancel_all(STOP_REASON)
            await asyncio.wait({idle}, timeout=self.kill_grace_s + CANCEL_MARGIN_S)
        idle.cancel()

    async def _leave_jobs(self) -> None:
        left = sum([await lane.leave_jobs() for lane in self.lanes.values()])
        if left:
            log.warning("running jobs left for other processes to settle", running=left)

    async def _wait_until_idle(self) -> None:
        for lane in self.lanes.values():
            await lane.wait_until_idle()


def describe(
    leases: LeaseKeeper, *, worker_id: str, versions: Mapping[str, str], slots: Mapping[Lane, int], sandbox: str
) -> Announcement:
    """Returns the current announcement of this worker."""
    return Announcement(
        worker_id=worker_id,
        tools=dict(versions),
        slots={lane.value: count for lane, count in slots.items()},
        running=leases.running,
        sandbox=sandbox,
    )
