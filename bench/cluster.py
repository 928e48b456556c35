"""The API server that is measured against: a real one where `make e2e-tools` has built it, else the tests' own."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.support import e2e_tools
from tests.support.api_server import kubeconfig
from tests.support.api_server.handle import ApiServer
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.api import Api
from tests.support.e2e_tools import ToolsMissingError

CALLER = "caller"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
CONFIG_MAP = "/api/v1/namespaces/default/configmaps/measured"
"""An object that is there, for single requests."""


class Tokens(Protocol):
    """Makes bearer tokens, each of a caller whom nothing has heard of before."""

    def __call__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """`name` says in a row of the table which server it is."""

    name: str
    port: int
    ca_pem: bytes
    new_token: Tokens

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, token: str, *, port: int | None = None) -> str:
        """For a caller who reaches the server on that port, of a relay before it, or on its own."""
        url = f"https://127.0.0.1:{port or self.port}"
        return kubeconfig.text(url, self.ca_pem, token, {"test": "default"})


@contextmanager
def running() -> Iterator[Cluster]:
    """Yields a cluster without nodes, which holds `CONFIG_MAP`."""
    try:
        tools = e2e_tools.find()
    except ToolsMissingError:
        with ApiServer.start() as server:
            yield _own(server)
    else:
        with ControlPlane(tools, has_nodes=False) as control_plane:
            yield _real(control_plane)


def _real(control_plane: ControlPlane) -> Cluster:
    api = control_plane.api
    _create_config_map(api)
    api.create(ACCOUNTS, {"metadata": {"name": CALLER}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": CALLER, "namespace": "default"}
    api.create(BINDINGS, {"metadata": {"name": CALLER}, "roleRef": role, "subjects": [subject]})

    def new_token() -> str:
        token: str = api.ask(f"{ACCOUNTS}/{CALLER}/token", {"spec": {"expirationSeconds": 7_200}})["status"]["token"]
        return token

    return Cluster("kube-apiserver", control_plane.port, control_plane.credentials.ca_pem, new_token)


def _own(server: ApiServer) -> Cluster:
    api = Api(ca_pem=server.ca_pem, token=server.token)
    api.move(server.url)
    _create_config_map(api)
    api.close()
    numbers = itertools.count()
    return Cluster("test API server", server.port, server.ca_pem, lambda: f"{server.token}.{next(numbers)}")


def _create_config_map(api: Api) -> None:
    folder, _, name = CONFIG_MAP.rpartition("/")
    api.create(folder, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": {"a": "b"}})
