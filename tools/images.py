"""`make images`: builds the gateway's and the worker's image, and prints their sizes.

If no image registry can be reached, it builds stand-ins (`tools/image_stand_ins.py`).
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.tools import registry
from tools import builders, image_stand_ins
from tools.builders import PROJECT, Build, Builder, BuildError

BASE = "docker.io/library/python:3.13-slim-trixie"
REDIS = "docker.io/valkey/valkey:8.1"
MEGABYTE = 1_000_000
BUDGETS_MB = {"gateway": 120, "worker": 450}
"""Largest size of each image in MB, without the base image."""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make images", description=__doc__)
    parser.add_argument("--cli", type=Path, help=f"folder with {', '.join(registry.NAMES)}, jq and yq")
    options = parser.parse_args(arguments)
    try:
        builder = builders.find()
        build_all(builder, options.cli)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def build_all(builder: Builder, cli: Path | None) -> None:
    """Raises BuildError."""
    if not builder.can_have(BASE):
        image_stand_ins.make_image(builder, BASE, "Dockerfile.python")
    if not builder.can_have(REDIS):
        image_stand_ins.make_image(builder, REDIS, "Dockerfile.valkey")
    if cli is None and builder.is_stand_in(BASE):
        cli = image_stand_ins.cli_folder(builder)
    for name in BUDGETS_MB:
        contexts = {"cli": cli} if cli and name == "worker" else {}
        wanted = Build(tag(name), PROJECT / f"Dockerfile.{name}", arguments={"REVISION": revision()}, contexts=contexts)
        builder.build(wanted)
    base_mb = builder.size_bytes(BASE) / MEGABYTE
    for name, budget_mb in BUDGETS_MB.items():
        own_mb = builder.size_bytes(tag(name)) / MEGABYTE - base_mb
        print(f"{tag(name)}: {own_mb:.0f} MB of at most {budget_mb} MB, on a base of {base_mb:.0f} MB")


def tag(name: str) -> str:
    """Returns the image's name in compose.yaml."""
    return f"localhost/mcp-k8s-{name}:latest"


def revision() -> str:
    """Returns the commit that is built, or `unknown` without git."""
    argv = ["git", "-C", str(PROJECT), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
