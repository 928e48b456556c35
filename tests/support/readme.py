"""The README's code blocks, and a shell that runs one as a user would."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.product import PROJECT

README = Path("README.md")
DOCUMENTED_URL = "http://127.0.0.1:9096"
DOCUMENTED_PROGRAM = ".venv/bin/mcp-k8s"
OWN_PROGRAM = f"{shlex.quote(sys.executable)} -m cli.main"
SHELL_TIMEOUT_S = 30


def blocks(language: str, page: Path = README) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


CALLS = [block for block in blocks("sh") if block.startswith("curl")]
"""The first waits, the second does not, the third follows what the second began."""


def run(block: str, *, url: str, kubeconfig: str, kubectl: Path, directory: Path) -> Any:
    """What the block prints, as JSON; its gateway is at `url`, and its shell's kubectl knows the cluster."""
    return json.loads(printed(block, url=url, kubeconfig=kubeconfig, kubectl=kubectl, directory=directory))


def printed(block: str, *, url: str, kubeconfig: str, kubectl: Path, directory: Path, job_id: str = "") -> str:
    """What the block prints; `$JOB_ID` is that job."""
    path = directory / "kubeconfig"
    path.write_text(kubeconfig)
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace(DOCUMENTED_URL, url).replace(DOCUMENTED_PROGRAM, OWN_PROGRAM)],
        env={
            "PATH": os.pathsep.join((str(kubectl.parent), os.environ["PATH"])),
            "HOME": str(directory),
            "KUBECONFIG": str(path),
            "PYTHONPATH": str(PROJECT),
            "JOB_ID": job_id,
        },
        capture_output=True,
        check=True,
        timeout=SHELL_TIMEOUT_S,
    )
    return answer.stdout.decode()
