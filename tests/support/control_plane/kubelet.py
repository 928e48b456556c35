"""What KWOK answers for the kubelet of its nodes: logs, attach, exec, and ports of pods that lead to the tests.

KWOK asks its clients for no credentials, and an exec runs a program of this machine. So exec is open in one pod alone,
whose name nobody can guess. https://kwok.sigs.k8s.io/docs/user/exec-configuration/
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

API_VERSION = "kwok.x-k8s.io/v1alpha1"
FIRST_LINE = "the container has started"


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Files of one cluster's kubelet lie in `directory`."""

    directory: Path
    exec_pod: str = field(default_factory=lambda: f"exec-{secrets.token_hex(16)}", repr=False)
    """A pod by this name, in any namespace, runs programs of this machine on exec."""

    def configure(self, ports: Mapping[int, int]) -> Path:
        """Writes KWOK's configuration. `ports`: port of any pod → port of loopback that it leads to."""
        self.directory.mkdir(exist_ok=True)
        if not self._log.exists():
            self.log(FIRST_LINE)
        forwards = [
            {"ports": [port], "target": {"address": "127.0.0.1", "port": target}} for port, target in ports.items()
        ]
        everywhere = [
            _rule("ClusterLogs", {"logs": [{"logsFile": str(self._log)}]}),
            _rule("ClusterAttach", {"attaches": [{"logsFile": str(self._log)}]}),
            _rule("ClusterPortForward", {"forwards": forwards}),
        ]
        execs = {"selector": {"matchNames": [self.exec_pod]}, "execs": [{"local": {"workDir": str(self.directory)}}]}
        path = self.directory / "kubelet.yaml"
        path.write_text(yaml.safe_dump_all([*everywhere, _rule("ClusterExec", execs)]))
        return path

    def log(self, *lines: str) -> None:
        """Every container writes these lines to its standard output."""
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        with self._log.open("a") as log:
            log.writelines(f"{now} stdout F {line}\n" for line in lines)

    @property
    def _log(self) -> Path:
        """In the format of container runtimes: https://github.com/kubernetes/design-proposals-archive (CRI logging)."""
        return self.directory / "containers.log"


def _rule(kind: str, spec: Mapping[str, object]) -> dict[str, object]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": kind.lower()}, "spec": dict(spec)}
