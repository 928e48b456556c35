"""Gateway and worker with one tool more: a stub CLI, where a test needs a fault to be exact.

`python -m tests.support.stub gateway|worker`. The stub is a Python script (`stub_cli.py`), so its entry in the registry
names the interpreter and its libraries: the sandbox holds for it as for the others.
"""

import json
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shared.command.values.types import Names, ValueType
from shared.models import CommandClass
from shared.tools import registry
from shared.tools.table import FlagSpec, Table, Takes, Verb
from shared.tools.tool import Grammar, SandboxNeeds, Tool
from tests.support import static_elf

HERE = Path(__file__).parent

FLAGS = (
    FlagSpec("timeout", "", Takes.VALUE, ValueType.DURATION),
    FlagSpec("url", "", Takes.VALUE, ValueType.STRING, Names.URL),
)

STUB = Tool(
    name="stub",
    summary="Does what a test tells it.",
    examples=("read ok",),
    grammar=Grammar(
        table=Table(
            version="1",
            global_flags={"namespace": FlagSpec("namespace", "n", Takes.VALUE, ValueType.STRING)},
            verbs=dict.fromkeys(("read", "write"), Verb({flag.name: flag for flag in FLAGS})),
        ),
        refused_flags={},
        classes={"read": CommandClass.READ, "write": CommandClass.WRITE},
        refused_verbs={},
    ),
    version_arguments=("version",),
    version_pattern=r"(\S+)",
    install_hint="it comes with the tests",
    sandbox=SandboxNeeds(
        readable=(
            "/usr/lib",
            "/lib",
            "/lib64",
            "/etc/ld.so.cache",
            sys.base_prefix,
            sysconfig.get_paths()["stdlib"],
            str(HERE),
        ),
        executable=("/usr", "/lib", "/lib64", sys.base_prefix),
    ),
)


NOOP = replace(STUB, name="noop", summary="Does nothing, at once.", examples=("read",), sandbox=SandboxNeeds())
"""A static program that only ends: what is left of a call's time is the product's own."""


KUBECONFIG = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "nobody", "user": {"token": "stub-token"}}],
        "contexts": [{"name": "stub", "context": {"cluster": "nowhere", "user": "nobody"}}],
        "current-context": "stub",
    }
)
"""For commands that reach no cluster and whose class says that they may."""


def install(directory: Path) -> Path:
    """Puts the executable `stub` below `directory`; the folder that it lies in.

    Each in one step and once: an interpreter that is just starting would take a half-written script for an empty one,
    and end with success.
    """
    folder = directory / "bin"
    folder.mkdir(exist_ok=True)
    _put(folder / STUB.name, _write_script)
    if static_elf.IS_POSSIBLE:
        _put(folder / NOOP.name, static_elf.write)
    return folder


def _put(executable: Path, write: Callable[[Path], object]) -> None:
    if not executable.exists():
        with tempfile.TemporaryDirectory(dir=executable.parent) as directory:
            unfinished = Path(directory) / executable.name
            write(unfinished)
            unfinished.rename(executable)


def _write_script(executable: Path) -> None:
    executable.write_text(
        f"#!{Path(sys.executable).resolve()} -IS\nimport sys\nsys.path.insert(0, {str(HERE)!r})\n"
        "import stub_cli\nstub_cli.main()\n"
    )
    executable.chmod(0o755)


def main() -> None:
    """Runs the part that the command line names."""
    registry.register(STUB)
    registry.register(NOOP)
    if sys.argv[1] == "gateway":
        from gateway.main import main as run  # noqa: PLC0415 - its modules read the registry when they are imported
    else:
        from worker.main import main as run  # noqa: PLC0415
    run()


if __name__ == "__main__":
    main()
