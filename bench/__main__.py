"""`make bench`: starts the product, measures each row of the design's budgets, and prints them as a table.

With `--write` it also writes the table into docs/performance.md.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bench import (
    cluster,
    discovery,
    door,
    egress,
    fairness,
    far_server,
    faults,
    latency,
    load,
    page,
    quiet,
    redis_relay,
    round_trips,
    sandbox,
    table,
)
from bench.table import Row
from tests.support.api_server.handle import ApiServer
from tests.support.product import Product
from tests.support.valkey import APPEND_ONLY, Valkey


async def main(arguments: list[str]) -> int:
    """Prints the table. Returns 1 if a row misses its budget."""
    load_before = os.getloadavg()[0]
    print("measuring, for about four minutes ...", file=sys.stderr, flush=True)
    rows = [*await _timed(), *await _on_a_cluster(), *await _counted()]
    print(table.render(rows))
    if "--write" in arguments:
        page.write(rows, load_before=load_before)
    return 0 if all(row.holds for row in rows) else 1


async def _timed() -> list[Row]:
    """What takes time, on a product that reaches Redis directly."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Valkey(APPEND_ONLY) as valkey,
        ApiServer.start() as api_server,
        Product(valkey.url, Path(directory)) as product,
    ):
        port = urlsplit(await product.gateway()).port or 0
        worker = await product.worker()
        rows = latency.rows(port, api_server, Path(directory))
        rows.append(await discovery.row(port, api_server))
        rows += await sandbox.rows(Path(directory))
        rows += egress.rows(api_server, Path(directory))
        rows += await load.rows(product, port, valkey=valkey)
        rows += faults.rows(worker, port)
    return rows


async def _on_a_cluster() -> list[Row]:
    """What depends on the API server, on a product and a door of their own."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Valkey(APPEND_ONLY) as valkey,
        cluster.running() as api_server,
        Product(valkey.url, Path(directory)) as product,
    ):
        port = urlsplit(await product.gateway()).port or 0
        await product.worker()
        return [*far_server.rows(api_server, port, Path(directory)), *door.rows(api_server)]


async def _counted() -> list[Row]:
    """What is counted, on a product behind a relay."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Valkey(APPEND_ONLY) as valkey,
        redis_relay.relay(valkey.socket, Path(directory)) as relay,
        Product(relay.url, Path(directory), settings=fairness.SETTINGS) as product,
    ):
        port = urlsplit(await product.gateway()).port or 0
        worker = await product.worker()
        gateway = product.processes[0]
        rows = [await asyncio.to_thread(round_trips.row, relay, port, gateway_pid=gateway.pid)]
        rows += await quiet.rows(relay, gateway, worker, port=port)
        rows.append(await fairness.row(port))
    return rows


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
