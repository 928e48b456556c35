"""A primary with one replica, which tests pause, so that it acknowledges nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

from tests.support import processes
from tests.support.product import free_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_blocking

HOST = "127.0.0.1"
ACKNOWLEDGED_IN_MS = 1_000
AT_ONCE = {"repl-diskless-sync-delay": "0"}
"""A replica need not wait for others that might want the same data."""


@dataclass(frozen=True, slots=True)
class ValkeyPair:
    primary: Valkey
    replica: Valkey

    def connect(self) -> None:
        """Returns when the replica acknowledges writes. One that is called online may still load its first data."""
        self.replica.resume()
        wait_blocking(self._acknowledges)

    def _acknowledges(self) -> bool:
        """Whether the replica has loaded its first data and has a fresh write. WAIT alone is true of offset 0."""
        with Redis.from_url(self.primary.url, single_connection_client=True) as client:
            client.set("acknowledged", 1, px=1)
            if not client.info("replication").get("slave0", {}).get("offset"):
                return False
            client.set("acknowledged", 1, px=1)
            return int(client.wait(1, ACKNOWLEDGED_IN_MS)) > 0


@contextmanager
def running() -> Iterator[ValkeyPair]:
    """A pair for a fixture of a module or session."""
    port = free_port()
    with Valkey({**AT_ONCE, "port": str(port)}) as primary, Valkey(AT_ONCE) as replica:
        processes.long_lived.update((primary.pid, replica.pid))
        with Redis.from_url(replica.url) as client:
            client.replicaof(HOST, port)
        pair = ValkeyPair(primary, replica)
        pair.connect()
        yield pair
