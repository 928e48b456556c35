"""Counts the Redis round trips that follow each other between a request and its answer.

Each message that passes a relay before Redis is half a trip: a command on its way there, or what Redis sends back. The
chain of a call is the longest row of messages in which each may have caused the next:

- a command may be caused by whatever its process had received before; the gateway's by the request itself;
- an answer is caused by its command;
- what is pushed, a notice or the end of a blocking pop, may be caused by any command of any process before it. The
  blocking pop was sent long before, and does not count.

The chain ends with the last message that the gateway receives before the caller has its answer. Messages that overlap
are in no row with each other, so they count once: a pipeline is one trip. A worker's commands that no earlier message
of this call has caused, such as the renewal of a lease, are in no chain; those that come in between by chance are, so
this may count too many and never too few. That is why the median of many calls is shown, with the largest beside it.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable

from bench.clients import Rest
from bench.redis_relay import Message, Relay
from bench.table import Row

CALLS = 100
BUDGET = 4
PAUSE_S = 0.02
"""Lets a worker end with a job, and wait for the next, before it comes."""


def row(relay: Relay, port: int, *, gateway_pid: int) -> Row:
    """Returns the row for a command that does nothing, whose caller waits over REST."""
    call = Rest(port).tool("noop", "read")
    trips = []
    for number in range(CALLS + 1):
        time.sleep(PAUSE_S)
        started = time.monotonic()
        call()
        if number:  # the first opens connections
            trips.append(longest_chain(relay.between(started, time.monotonic()), gateway_pid) / 2)
    median = statistics.median(trips)
    measured = f"{median:g} (at most {max(trips):g} of {CALLS})"
    what = "Redis round trips one after the other, between a request and its answer, median"
    return Row(what, f"≤ {BUDGET}", measured, median <= BUDGET)


def longest_chain(messages: Iterable[Message], gateway_pid: int) -> int:
    """Returns the number of messages in the longest chain that ends in the gateway."""
    received: defaultdict[int, int] = defaultdict(int)
    """Process → longest chain that has reached it. The caller's request is not a message, so it does not count."""
    sent: dict[int, int] = {}
    """Command, by its identity → the chain that it ends."""
    for message in messages:
        if message.is_command:
            if message.pid == gateway_pid or received[message.pid]:
                sent[id(message)] = received[message.pid] + 1
        else:
            causes = sent.values() if message.is_pushed else [sent.get(id(message.answers), 0)]
            if cause := max(causes, default=0):
                received[message.pid] = max(received[message.pid], cause + 1)
    return received[gateway_pid]
