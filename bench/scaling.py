"""`make scale-out`: measures the costs and gains of scaling and prints them. `--write` also writes docs/scaling.md."""

import asyncio
import os
import sys

from bench import costs, scale_out, scaling_page


async def main(arguments: list[str]) -> int:
    """Returns 1 if the throughput does not grow linearly."""
    load_before = os.getloadavg()[0]
    print("measuring, for about three minutes ...", file=sys.stderr, flush=True)
    spent = await costs.measure()
    measured = [await scale_out.measure(workers) for workers in scale_out.WORKERS]
    text = scaling_page.text(spent, measured, load_before=load_before)
    print(text)
    if "--write" in arguments:
        scaling_page.PATH.write_text(text)
    return 0 if scale_out.is_linear(measured) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
