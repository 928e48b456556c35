"""Stand-in images and CLIs for a machine that reaches only its distribution's packages, but no image registry.

The base image and Valkey are made with debootstrap. jq is built from the distribution's sources and yq by Go. The CLIs
are those on PATH. They are only for testing the images.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from shared.tools import registry
from tools import builders
from tools.builders import Build, Builder, BuildError

FOLDER = Path(__file__).with_name("stand_ins")
CLI_FOLDER = builders.PROJECT / ".tools" / "image-cli"
DEBIAN = "localhost/mcp-k8s-debian:stand-in"
RELEASE = "trixie"
JQ = "localhost/mcp-k8s-jq:stand-in"
YQ = "github.com/mikefarah/yq/v4@v4.47.2"


def make_image(builder: Builder, tag: str, dockerfile: str) -> None:
    """Raises BuildError."""
    if not builder.has(DEBIAN):
        print(f"no registry can be reached: making a stand-in for {tag} with debootstrap", flush=True)
        _bootstrap(builder)
    builder.build(Build(tag, FOLDER / dockerfile, FOLDER))


def cli_folder(builder: Builder) -> Path:
    """Returns a folder with the CLIs, jq and yq. Raises BuildError."""
    CLI_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in registry.NAMES:
        found = shutil.which(name)
        if found is None:
            raise BuildError(f"{name} is neither on PATH nor in .tools/bin: install it, or run `make e2e-tools`")
        shutil.copyfile(found, CLI_FOLDER / name)
    if not (CLI_FOLDER / "yq").exists():
        _build_yq()
    if not (CLI_FOLDER / "jq").exists():
        _build_jq(builder)
    return CLI_FOLDER


def _bootstrap(builder: Builder) -> None:
    if shutil.which("debootstrap") is None:
        raise BuildError("no image registry can be reached and debootstrap is missing: apt-get install debootstrap")
    with tempfile.TemporaryDirectory(prefix="mcp-k8s-") as directory:
        root = Path(directory) / "root"
        _must(["debootstrap", "--variant=minbase", RELEASE, str(root)], "debootstrap failed")
        for unneeded in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(root / unneeded)
        archive = Path(directory) / "root.tar"
        _must(["tar", "--directory", str(root), "--create", "--file", str(archive), "."], "tar failed")
        _must([builder.engine, "import", str(archive), DEBIAN], "the stand-in could not be imported")


def _build_yq() -> None:
    if shutil.which("go") is None:
        raise BuildError("yq is missing, and so is Go to build it: put a static yq into .tools/image-cli")
    flags = {"GOBIN": str(CLI_FOLDER), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    _must(["go", "install", "-ldflags=-s -w", YQ], "yq was not built", **flags)


def _build_jq(builder: Builder) -> None:
    builder.build(Build(JQ, FOLDER / "Dockerfile.jq", FOLDER))
    container = _must([builder.engine, "create", JQ, "/jq"], "jq was not built").strip()
    try:
        _must([builder.engine, "cp", f"{container}:/jq", str(CLI_FOLDER / "jq")], "jq could not be copied")
    finally:
        _must([builder.engine, "rm", container], "a container is left")


def _must(argv: list[str], otherwise: str, **variables: str) -> str:
    """Runs a command and returns its output. Raises BuildError."""
    finished = subprocess.run(
        argv,
        env={**builders.environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        reason = (finished.stderr or finished.stdout).strip().splitlines()[-1:] or ["it gave no reason"]
        raise BuildError(f"{otherwise}: {reason[0]}")
    return finished.stdout
