"""`make bench`: starts the product, measures each row of the design's budgets, and prints them as a table.

With `--write` it also writes the table into docs/performance.md.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bench import discovery, egress, faults, latency, load, page, sandbox, table
from tests.support.api_server.handle import ApiServer
from tests.support.product import Product
from tests.support.valkey import APPEND_ONLY, Valkey


async def main(arguments: list[str]) -> int:
    """Prints the table. Returns 1 if a row misses its budget."""
    load_before = os.getloadavg()[0]
    print("measuring, for about a minute and a half ...", file=sys.stderr, flush=True)
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
        rows += await load.rows(product, worker, port, valkey=valkey)
        rows += faults.rows(worker, port)
    print(table.render(rows))
    if "--write" in arguments:
        page.write(rows, load_before=load_before)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
