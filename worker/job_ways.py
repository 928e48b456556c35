"""Opens the ways to the network that one job's command has, and those through which its progress is observed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from shared.models import JobId
from shared.sealing.envelope import RequestEnvelope
from shared.tools.tool import Tool
from worker.door.client import access
from worker.door.client.client import Door, Notary, Visit
from worker.door.messages import Access, Seen
from worker.egress.proxy import EgressProxy
from worker.job_control import JobControl
from worker.observer.touched import Touched
from worker.observer.view import Ask
from worker.output import door_death
from worker.run.command_plan import Ways

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Guest:
    """A job for which ways are opened."""

    job_id: JobId
    principal: str
    envelope: RequestEnvelope
    tool: Tool
    control: JobControl
    notary: Notary


@dataclass(frozen=True, slots=True)
class JobWays:
    """The opened ways of one job."""

    ways: Ways
    visit: Visit | None = None
    """The command's visit at the door, which must have been admitted before the command starts."""
    ask: Ask | None = None
    """Gets what the command waits for."""
    paths: Callable[[], list[str]] = field(default=list)
    """Returns the paths to ask for."""


@dataclass(frozen=True, slots=True)
class WayOpener:
    """Opens the ways of one worker's jobs."""

    proxy: EgressProxy
    door: Door
    logs_requests: bool = False
    """Whether each request to an API server is logged."""

    @asynccontextmanager
    async def opened(self, guest: Guest) -> AsyncIterator[JobWays]:
        """Opens the ways while the block runs. Raises DoorGoneError."""
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(self.proxy.admit(guest.job_id))
            awaited = guest.envelope.awaited
            touched = Touched(awaited) if awaited and not awaited.own_paths else None
            visit = await self._visit(guest, touched, stack)
            ways = Ways(proxy, visit.address if visit else None)
            if visit is not None and awaited and awaited.own_paths:
                yield JobWays(ways, visit, visit.ask, lambda: list(awaited.own_paths))
            elif visit is not None and touched is not None:
                yield JobWays(ways, visit, visit.ask, lambda: touched.paths)
            else:
                yield JobWays(ways, visit)

    async def _visit(self, guest: Guest, touched: Touched | None, stack: AsyncExitStack) -> Visit | None:
        command = guest.envelope.command
        if (reached := _access(guest)) is None:
            return None

        logs_requests = self.logs_requests and not reached.is_argo_cd

        def report(seen: Seen) -> None:
            if touched is not None:
                touched.note(seen)
            if logs_requests:
                _log(seen, guest)

        visit = await stack.enter_async_context(
            self.door.visit(
                reached,
                job_id=guest.job_id,
                effects=command.effects,
                notary=guest.notary,
                reports=report if touched is not None or logs_requests else None,
                on_gone=lambda: guest.control.fail(door_death.ENDED),
                kinds=command.looked_up,
            )
        )
        visit.refusals.on_repeated = guest.control.fail
        return visit


def _access(guest: Guest) -> Access | None:
    """Returns the access to the tool's own server, else to the kubeconfig's cluster; None without either."""
    command, tool = guest.envelope.command, guest.tool
    if not command.needs_cluster:
        return None
    server, place = command.own_server, command.credentials.get(tool.server_variable or "")
    if server is None or not place:
        return access.of(command.kubeconfig, guest.principal) if command.kubeconfig is not None else None
    token = command.credentials.get(tool.token_variable or "", "")
    return access.to_argo_cd(server, place, token=token, principal=guest.principal)


def _log(seen: Seen, guest: Guest) -> None:
    log.info(
        "api request",
        job_id=guest.job_id,
        tool=guest.tool.name,
        command=" ".join(guest.envelope.command.verb),
        command_class=guest.envelope.command_class,
        **seen.model_dump(exclude={"type", "visit"}),
    )
