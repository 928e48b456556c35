"""Canaries: what an attack would touch if it succeeded. A file, a server, a program; and how to see that one was."""

import secrets
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
HEARD_BYTES = 64 * 1024
CALL_TIMEOUT_S = 2.0
RAN = "canary-program-ran"


@dataclass
class Listener:
    """Takes every connection, keeps what the caller sends first, says nothing, and hangs up."""

    heard: list[bytes] = field(default_factory=list)
    """One entry for each call, also for one that sent nothing."""

    def __post_init__(self) -> None:
        self._socket = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._serve, name="canary server", daemon=True)
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        socket.create_connection((HOST, self.port), CALL_TIMEOUT_S).close()  # wakes the thread up
        self._thread.join()
        self._socket.close()

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def place(self) -> str:
        return f"{HOST}:{self.port}"

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._closed.is_set():
                    return
                self.heard.append(b"")
                connection.settimeout(CALL_TIMEOUT_S)
                try:
                    self.heard[-1] = connection.recv(HEARD_BYTES)
                except OSError:
                    continue


@dataclass(frozen=True)
class Planted:
    """Files and programs below a worker's HOME that no command may read or start."""

    home: Path
    text: str = field(default_factory=lambda: f"canary-{secrets.token_hex(8)}")
    """In every planted file, and in nothing else."""

    @property
    def folder(self) -> Path:
        return self.home / "planted"

    @property
    def program(self) -> Path:
        """Says that it ran, and leaves a mark."""
        return self.home / "programs" / "kubectl-canary"

    @property
    def marks(self) -> Path:
        return self.home / "marks"

    def plant(self, server: str) -> Self:
        """`server` is a canary too: the worker's own kubeconfig leads there."""
        manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: canary}}\ndata: {{canary: {self.text}}}\n"
        files = {
            "planted/secret.txt": self.text,
            "planted/manifest.yaml": manifest,
            "planted/values.yaml": f"canary: {self.text}\n",
            "planted/kustomization.yaml": "resources: [manifest.yaml]\n",
            "planted/chart/Chart.yaml": "apiVersion: v2\nname: canary\nversion: 1.0.0\n",
            "planted/chart/templates/a.yaml": manifest,
            "planted/token": self.text,
            ".kube/config": self._kubeconfig(server),
            ".local/share/helm/plugins/canary/plugin.yaml": self._plugin(),
        }
        for name, text in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.marks.mkdir()
        self.program.parent.mkdir()
        self.program.write_text(f"#!/bin/sh\n: > '{self.marks}/ran'\necho {RAN}\necho {RAN} >&2\n")
        self.program.chmod(0o755)
        return self

    def _kubeconfig(self, server: str) -> str:
        return (
            f"apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://{server}'}}}}]\n"
            f"users: [{{name: u, user: {{token: {self.text}}}}}]\n"
            "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
        )

    def _plugin(self) -> str:
        return f"name: canary\nversion: 1.0.0\nusage: x\ndescription: x\ncommand: {self.program}\n"
