"""A credential program as a cloud's kubeconfig names it: counts its runs, and does what a test wants."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "client.authentication.k8s.io/v1"
SCRIPT = f"""#!{Path(sys.executable).resolve()} -IS
import datetime, json, os, pathlib, sys, time
folder = pathlib.Path(__file__).parent
with (folder / "runs").open("a") as runs:
    runs.write(os.environ["KUBERNETES_EXEC_INFO"] + "\\n")
behaviour = json.loads((folder / "behaviour.json").read_text())
number = len((folder / "runs").read_text().splitlines())
sys.stderr.write(behaviour["complaint"])
sys.stderr.flush()
if sys.stdin.read():
    sys.exit("standard input is not empty")
if behaviour["hangs"]:
    time.sleep(3600)
if behaviour["prints"] is not None:
    print(behaviour["prints"])
else:
    life = datetime.timedelta(seconds=behaviour["life_s"])
    end = datetime.datetime.now(datetime.timezone.utc) + life
    status = {{**behaviour["status"], "expirationTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    if not behaviour["status"]:
        status["token"] = f"canary-token-{{number}}"
    print(json.dumps({{"apiVersion": behaviour["version"], "kind": "ExecCredential", "status": status}}))
sys.exit(behaviour["exit_code"])
"""


@dataclass(frozen=True, slots=True)
class CredentialProgram:
    """Installed in a folder of its own."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "cloud-credentials"

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What each run was told in KUBERNETES_EXEC_INFO."""
        log = self.folder / "runs"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def behave(self, *, life_s: float = 3600, version: str = VERSION, **changes: Any) -> None:
        """From now on. Changes: `hangs`, `prints` (instead of a credential), `complaint`, `exit_code`, `status`."""
        usual: dict[str, Any] = {"hangs": False, "prints": None, "complaint": "", "exit_code": 0, "status": {}}
        unfinished = self.folder / "unfinished"
        unfinished.write_text(json.dumps({"life_s": life_s, "version": version, **usual, **changes}))
        unfinished.rename(self.folder / "behaviour.json")

    def entry(self, **changes: Any) -> dict[str, Any]:
        """The `exec` of a kubeconfig's user."""
        return {"apiVersion": VERSION, "command": str(self.path), "interactiveMode": "IfAvailable", **changes}

    def user(self, **changes: Any) -> dict[str, Any]:
        """A kubeconfig's `user` that has this for its credentials."""
        return {"exec": self.entry(**changes)}


def install(folder: Path) -> CredentialProgram:
    folder.mkdir()
    program = CredentialProgram(folder)
    program.path.write_text(SCRIPT)
    program.path.chmod(0o755)
    program.behave()
    return program
