"""What the system tells of a door's process while a test uses it."""

import resource
from pathlib import Path

from tests.support.faulty_server import FaultyServer
from worker.door.client.client import Door

SLEEPING = "S"
"""State of a process that waits for an event (proc_pid_stat(5)), and not for a processor."""


def memory(door: Door) -> int:
    """Resident bytes of the door's process, read where it cannot refuse: it is not dumpable."""
    pages = int(Path(f"/proc/{door.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def has_stopped(door: Door, server: FaultyServer) -> bool:
    """Whether the server has to wait, because the door waits too and has left unread what arrived."""
    state = Path(f"/proc/{door.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    is_held_back = any(connection.is_held_back for connection in server.connections)
    return is_held_back and state == SLEEPING and _unread_bytes(server) > 0


def _unread_bytes(server: FaultyServer) -> int:
    """Bytes that the server has sent and that lie in the receive queues of its clients (proc_pid_net(5))."""
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    queues = [queues for _, _, remote, _, queues, *_ in sockets if remote.endswith(f":{server.port:04X}")]
    return sum(int(each.partition(":")[2], 16) for each in queues)
