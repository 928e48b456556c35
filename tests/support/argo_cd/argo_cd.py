"""Starts Argo CD's three parts, all of them the one argocd binary under other names, and waits until it answers."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml

from tests.support.argo_cd.objects import NAMESPACE, Settings
from tests.support.argo_cd.repository import Repository
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.daemons import Daemons, Installation
from tests.support.e2e_tools import E2eTools
from tests.support.product import free_port
from tests.support.valkey import Valkey

KINDS = ("/apis/argoproj.io/v1alpha1/applications", "/apis/argoproj.io/v1alpha1/appprojects")
DATA_FOLDERS = {
    "ARGOCD_TLS_DATA_PATH": "tls",
    "ARGOCD_SSH_DATA_PATH": "ssh",
    "ARGOCD_PLUGINSOCKFILEPATH": "plugins",
    "TMPDIR": "tmp",
}


class ArgoCd(Installation):
    """One installation, on a cluster that it manages itself."""

    def __init__(self, tools: E2eTools, cluster: ControlPlane) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="argo-cd-"))
        self.daemons = Daemons(self.directory)
        self.cluster_url = cluster.url
        self._tools = tools
        self._cluster = cluster
        self._settings = Settings(cluster.url, cluster.credentials.admin_token, cluster.credentials.ca_pem)
        self._redis_port, self._repo_port, self._port = free_port(), free_port(), free_port()
        self._redis = Valkey({"port": str(self._redis_port), "bind": "127.0.0.1"})
        self.repository = Repository(self.directory / "repository")

    @property
    def server(self) -> str:
        """As `X-Argocd-Server` has it."""
        return f"127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        return self._settings.account_token

    @property
    def process_ids(self) -> list[int]:
        return [process.pid for process in self.daemons.processes] + [self._redis.pid]

    def stop(self) -> None:
        self.daemons.stop()
        self._redis.__exit__(None, None, None)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        self._redis.start()
        self._create_objects()
        environment = self._environment()
        redis = f"--redis=127.0.0.1:{self._redis_port}"
        repo_server = [f"--repo-server=127.0.0.1:{self._repo_port}", "--repo-server-plaintext"]
        on_cluster = [f"--kubeconfig={self._kubeconfig()}", f"--namespace={NAMESPACE}"]
        self._run(
            "argocd-repo-server",
            [
                redis,
                "--address=127.0.0.1",
                f"--port={self._repo_port}",
                "--disable-tls",
                "--client-ca-path=",
                *_metrics(),
            ],
            environment,
        )
        self._run(
            "argocd-server",
            [redis, *repo_server, *on_cluster, "--address=127.0.0.1", f"--port={self._port}", *_metrics()],
            environment,
        )
        self._run(
            "argocd-application-controller",
            [redis, *repo_server, *on_cluster, f"--metrics-port={free_port()}"],
            environment,
        )
        self.daemons.wait("Argo CD answers", self._is_ready())

    def _create_objects(self) -> None:
        api = self._cluster.api
        api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for path in sorted((self._tools.share / "argocd" / "manifests" / "crds").glob("*-crd.yaml")):
            api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load(path.read_text()))
        self.daemons.wait("Argo CD's kinds are served", lambda: all(map(api.has, KINDS)))
        for resource, body in self._settings.objects():
            api.create(f"/api/v1/namespaces/{NAMESPACE}/{resource}", body)

    def _kubeconfig(self) -> Path:
        path = self.directory / "kubeconfig"
        path.write_text(self._cluster.kubeconfig(namespace=NAMESPACE))
        return path

    def _environment(self) -> dict[str, str]:
        folders = {variable: self.directory / name for variable, name in DATA_FOLDERS.items()}
        for folder in folders.values():
            folder.mkdir(mode=0o700)
        wrapper = self._tools.share / "argocd" / "hack"
        return {
            "PATH": os.pathsep.join((str(wrapper), os.environ["PATH"])),  # git stands on the latter
            "ARGOCD_GPG_ENABLED": "false",
            **{variable: str(folder) for variable, folder in folders.items()},
        }

    def _run(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        command = [str(self._tools.path("argocd")), *arguments]
        self.daemons.start(name, command, **environment, ARGOCD_BINARY_NAME=name)

    def _is_ready(self) -> Callable[[], bool]:
        def asks() -> bool:
            try:
                # Its certificate is its own, made at its start.
                return httpx.get(f"https://{self.server}/healthz?full=true", verify=False).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        return asks


def _metrics() -> list[str]:
    return [f"--metrics-port={free_port()}"]
