"""A primary with one replica, which tests pause or cut off, so that it acknowledges nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

from tests.support import processes
from tests.support.product import free_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_blocking

HOST = "127.0.0.1"
NOBODY_S_PORT = 1
ACKNOWLEDGED_IN_MS = 1_000
AT_ONCE = {"repl-diskless-sync-delay": "0"}
"""A replica need not wait for others that might want the same data."""


@dataclass(slots=True)
class ValkeyPair:
    primary: Valkey
    replica: Valkey
    primary_port: int
    replica_port: int

    def connect(self) -> None:
        """Returns when the replica acknowledges writes. One that is called online may still load its first data."""
        self.replica.resume()
        with Redis.from_url(self.replica.url) as client:
            client.replicaof(HOST, self.primary_port)
        wait_blocking(self._acknowledges)

    def cut_off(self) -> None:
        """The replica keeps what it has and receives nothing more, until `connect`."""
        self.replica.resume()
        with Redis.from_url(self.replica.url) as client:
            client.replicaof(HOST, NOBODY_S_PORT)

    def fail_over(self) -> None:
        """Makes the replica the primary, with what it has received, and then the primary its replica."""
        self.primary.pause()
        self.replica.resume()
        with Redis.from_url(self.replica.url) as client:
            client.replicaof("NO", "ONE")
        self.primary.resume()
        self.primary, self.replica = self.replica, self.primary
        self.primary_port, self.replica_port = self.replica_port, self.primary_port
        self.connect()

    def _acknowledges(self) -> bool:
        """Whether the replica has loaded its first data and has a fresh write.

        WAIT alone is true of offset 0, but makes the replica tell its offset at once instead of within a second.
        """
        with Redis.from_url(self.primary.url, single_connection_client=True) as client:
            client.set("acknowledged", 1, px=1)
            has_it = int(client.wait(1, ACKNOWLEDGED_IN_MS)) > 0
            return has_it and bool(client.info("replication").get("slave0", {}).get("offset"))


@contextmanager
def running() -> Iterator[ValkeyPair]:
    """A pair for a fixture of a module or session."""
    ports = free_port(), free_port()
    first, second = (Valkey({**AT_ONCE, "port": str(port)}) for port in ports)
    with first, second:
        processes.long_lived.update((first.pid, second.pid))
        pair = ValkeyPair(first, second, *ports)
        pair.connect()
        yield pair
