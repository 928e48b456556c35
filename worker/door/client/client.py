"""Starts the door and reports its end. Carries the messages between the door and the visits of this worker's jobs."""

import asyncio
import contextlib
import itertools
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from pydantic import ValidationError

from shared import metrics
from shared.effects import Effects
from shared.models import JobId
from worker.door import messages
from worker.door.client.address import DoorAddress
from worker.door.client.dialling import Dialling
from worker.door.client.visit import Answer, DoorGoneError, Notary, Visit
from worker.door.messages import Access, Admit, Dial, Dismiss, Seen, Stranger, ToDoor, ToWorker
from worker.egress.dialer import Dialer
from worker.launcher.channel import channel_pair, close_all
from worker.launcher.link import Link

__all__ = ["Answer", "Door", "DoorGoneError", "Notary", "Visit"]

MOST_UNSENT = 1024
"""Most messages that wait until the door takes them, because their sockets are open meanwhile."""
MOST_KIND_CHARACTERS = 16 * 1024
"""Most characters of kinds of which the door is told. With more, the server confirms what is remembered."""
CLOSE_TIMEOUT_S = 5.0
"""Seconds that the door gets to end."""
_ROOT = Path(__file__).parents[3]
_ENVIRONMENT = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(4 * 1024 * 1024))
"""Lets glibc keep the memory of the pieces of an answer instead of asking the kernel for each of them (mallopt(3))."""
_BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from worker.door.__main__ import main; main(sys.argv[2:])"

log = structlog.get_logger()


class Door:
    """One door process. After the event `gone`, which `close` sets too, it cannot be used any more."""

    def __init__(self, dialer: Dialer, port: int) -> None:
        self.gone = asyncio.Event()
        self.port = port
        self._dialling = Dialling(dialer, self._send)
        self._numbers = itertools.count(1)
        self._visits: dict[int, Visit] = {}
        self._is_closing = False
        self._link: Link
        self._process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, listener: socket.socket, dialer: Dialer) -> "Door":
        """Starts a door, to which the listening socket belongs from then on. Raises OSError."""
        with listener:
            door = cls(dialer, listener.getsockname()[1])
            ours, theirs = channel_pair()
            try:
                door._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, str(_ROOT)),
                    *(str(listener.fileno()), str(theirs.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    cwd="/",
                    pass_fds=(listener.fileno(), theirs.fileno()),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
        door._link = Link(ours, on_packet=door._on_packet, on_end=door._on_end)
        return door

    @property
    def pid(self) -> int:
        return self._process.pid

    async def return_code(self) -> int:
        """Waits for the process to end. A negative number is that of the signal that has ended it."""
        return await self._process.wait()

    @asynccontextmanager
    async def visit(
        self,
        access: Access,
        *,
        job_id: JobId,
        effects: Effects,
        notary: Notary | None = None,
        reports: Callable[[Seen], None] | None = None,
        on_gone: Callable[[], None] | None = None,
        kinds: tuple[str, ...] | None = None,
    ) -> AsyncIterator[Visit]:
        """Gives a command a way to its API server while the block runs.

        `effects` is what the command's requests may do. `notary` notes changes, without one they are refused. `reports`
        takes each request that was answered. `on_gone` is called if the door dies meanwhile. `kinds` are all kinds that
        the command looks up, if they are known.
        """
        number = next(self._numbers)
        address = DoorAddress(self.port, access)
        visit = Visit(
            number, address, self._send, job_id=job_id, effects=effects, notary=notary, reports=reports, kill=self.kill
        )
        told = None if kinds is not None and sum(len(kind) + 8 for kind in kinds) > MOST_KIND_CHARACTERS else kinds
        admit = Admit(visit=number, effects=effects, reports_requests=reports is not None, kinds=told)
        given = messages.memory_file(access.model_dump_json(by_alias=False).encode())
        self._visits[number] = visit
        self._send(admit, given)
        if self.gone.is_set():
            visit.lose()
        visit.on_gone = on_gone
        try:
            yield visit
        finally:
            self._send(Dismiss(visit=number))
            try:
                await visit.end()
            finally:
                del self._visits[number]

    async def close(self) -> None:
        """Ends the door. It may be called again, and must also be called after the door has ended by itself."""
        self._is_closing = True
        self._link.close()
        await self._dialling.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """Kills a door that hangs or breaks the protocol."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _send(self, message: ToDoor, *descriptors: int) -> None:
        self._link.send(messages.encode(message), descriptors)
        if self._link.unsent > MOST_UNSENT:
            log.error("the door takes no messages, and is killed")
            self.kill()
            self._link.close()

    def _on_packet(self, packet: bytes, descriptors: list[int]) -> None:
        try:
            self._take(messages.decode_to_worker(packet), descriptors)
        except ValidationError:
            log.error("the door sent a packet that is not valid, and is killed")
            self.kill()
        finally:
            close_all(descriptors)

    def _take(self, message: ToWorker, descriptors: list[int]) -> None:
        if isinstance(message, Stranger):
            metrics.DOOR_STRANGERS.inc(message.count)
            return
        visit = self._visits.get(message.visit)
        if visit is None:
            return
        if isinstance(message, Dial):
            self._dialling.dial(message.dial, visit)
        else:
            visit.take(message, descriptors)

    def _on_end(self) -> None:
        self.gone.set()
        for visit in list(self._visits.values()):
            visit.lose(is_expected=self._is_closing)
