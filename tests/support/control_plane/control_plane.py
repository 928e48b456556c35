"""Starts the control plane, waits until it is ready, and hands out kubeconfigs for it."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.support.api_server import certificates, kubeconfig
from tests.support.control_plane.api import Api
from tests.support.control_plane.audit import AuditLog
from tests.support.control_plane.credentials import ISSUER, Credentials
from tests.support.control_plane.daemons import Installation
from tests.support.control_plane.kubelet import Kubelet
from tests.support.e2e_tools import E2eTools
from tests.support.product import free_port

SERVICE_RANGE = "10.96.0.0/16"
NODE = "node-1"
NODE_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE}"
LEASE_S = 40
POD_PORTS = (8080, 8081, 15_000, 15_014)
"""Of every pod, each leading to a port of loopback on which a test may serve: see `ControlPlane.pod_ports`."""
NODE_GRACE_S = 3_600
"""A node that is silent for so long is not ready, nor are its pods ever again: KWOK makes a pod ready only once."""
STAGES = Path(__file__).with_name("stages.yaml")
AUDIT_POLICY = Path(__file__).with_name("audit_policy.yaml")
KWOK_STAGES = ("node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease")
KWOK_POD_STAGES = ("pod/fast/pod-complete", "pod/fast/pod-delete")


class ControlPlane(Installation):
    """One cluster. With `etcd_url` it is an API server only, on another's etcd: enough to be a second cluster.

    With `replica_of` it is one more API server of that cluster, `feature_gates` are its own. Without nodes it has no
    controllers either: objects are kept, and nothing becomes of them.
    """

    def __init__(
        self,
        tools: E2eTools,
        *,
        etcd_url: str | None = None,
        replica_of: "ControlPlane | None" = None,
        api_server: str = "kube-apiserver",
        feature_gates: Mapping[str, bool] = MappingProxyType({}),
        has_nodes: bool = True,
    ) -> None:
        super().__init__("control-plane-")
        self.credentials: Credentials = (
            replica_of.credentials if replica_of else Credentials.create(self.directory / "credentials")
        )
        self.api = Api(ca_pem=self.credentials.ca_pem, token=self.credentials.machinery_token)
        self.audit = AuditLog(self.directory / "audit.log")
        self.kubelet = Kubelet(self.directory / "kubelet")
        self._tools = tools
        self._api_server = api_server
        self._has_nodes = has_nodes
        self._feature_gates = feature_gates
        self._replica_of = replica_of
        self._foreign_etcd_url = replica_of.etcd_url if replica_of else etcd_url

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def etcd_url(self) -> str:
        return self._foreign_etcd_url or f"http://127.0.0.1:{self.etcd_port}"

    def choose_ports(self) -> None:
        self.port, self.etcd_port, self.etcd_peer_port = free_port(), free_port(), free_port()
        self.kubelet_port = free_port()
        self.pod_ports = {port: free_port() for port in POD_PORTS}
        self.api.move(self.url)

    def start(self) -> None:
        if self._foreign_etcd_url is None:
            self._start_etcd()
        self._start_api_server()
        self.daemons.wait("the API server is ready", lambda: self.api.has("/readyz"))
        if self._foreign_etcd_url is None and self._has_nodes:
            self._start_controllers()
            self._create_node()
            self.daemons.wait("a node is ready", self._has_ready_node)
        self.daemons.wait("the default namespace is there", lambda: self.api.has("/api/v1/namespaces/default"))

    def stop(self) -> None:
        self.api.close()
        super().stop()

    def kubeconfig(
        self,
        *,
        token: str | None = None,
        namespace: str = "default",
        contexts: Mapping[str, str] | None = None,
        ca_pem: bytes | None = None,
    ) -> str:
        """The administrator's, unless another token is named. The current context, `test`, has `namespace`."""
        return kubeconfig.text(
            self.url,
            ca_pem or self.credentials.ca_pem,
            token or self.credentials.admin_token,
            {"test": namespace, **(contexts or {})},
        )

    def viewer_kubeconfig(self, namespace: str) -> str:
        """The kubeconfig of a user with read access to that one namespace: see `allow_viewer`."""
        return self.kubeconfig(token=self.credentials.viewer_token, namespace=namespace)

    def expired_kubeconfig(self) -> str:
        """Its token is signed as it should be, and over."""
        return self.kubeconfig(token=self.credentials.expired_token())

    def foreign_ca_kubeconfig(self) -> str:
        """Trusts another authority than the one that signed the server's certificate."""
        with tempfile.TemporaryDirectory() as directory:
            certificates.write(Path(directory))
            return self.kubeconfig(ca_pem=(Path(directory) / "ca.pem").read_bytes())

    def allow_viewer(self, namespace: str) -> None:
        """Lets `viewer` read what is in the namespace, Secrets excepted (the cluster role `view`)."""
        self.api.create(
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
            {
                "metadata": {"name": "viewer"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}],
            },
        )

    @property
    def _etcd_prefix(self) -> str:
        return self._replica_of._etcd_prefix if self._replica_of else f"/{self.port}"

    def _start_etcd(self) -> None:
        peer_url = f"http://127.0.0.1:{self.etcd_peer_port}"
        self.daemons.start(
            "etcd",
            [
                str(self._tools.path("etcd")),
                f"--data-dir={self.directory / f'etcd-{self.etcd_port}'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls={self.etcd_url}",
                f"--advertise-client-urls={self.etcd_url}",
                f"--listen-peer-urls={peer_url}",
                f"--initial-advertise-peer-urls={peer_url}",
                f"--initial-cluster=default={peer_url}",
            ],
        )

    def _start_api_server(self) -> None:
        folder = self.credentials.directory
        self.daemons.start(
            "kube-apiserver",
            [
                str(self._tools.path(self._api_server)),
                f"--etcd-servers={self.etcd_url}",
                f"--etcd-prefix={self._etcd_prefix}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--tls-cert-file={folder / 'server.pem'}",
                f"--tls-private-key-file={folder / 'server-key.pem'}",
                f"--token-auth-file={self.credentials.token_file}",
                "--authorization-mode=RBAC",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                f"--service-account-issuer={ISSUER}",
                f"--service-account-signing-key-file={self.credentials.signing_key}",
                f"--service-account-key-file={self.credentials.verifying_key}",
                # No kubelet mounts a token, so no pod needs one.
                "--disable-admission-plugins=ServiceAccount",
                "--endpoint-reconciler-type=none",
                f"--audit-policy-file={AUDIT_POLICY}",
                f"--audit-log-path={self.directory / 'audit.log'}",
                "--kubelet-preferred-address-types=InternalIP",
                f"--kubelet-certificate-authority={folder / 'ca.pem'}",
                *(f"--feature-gates={name}={str(value).lower()}" for name, value in self._feature_gates.items()),
            ],
        )

    def _start_controllers(self) -> None:
        own = self.directory / "admin.kubeconfig"
        own.write_text(self.kubeconfig(token=self.credentials.machinery_token))
        controllers = [f"--kubeconfig={own}", "--leader-elect=false", "--secure-port=0"]
        self.daemons.start(
            "kube-controller-manager",
            [
                str(self._tools.path("kube-controller-manager")),
                *controllers,
                f"--root-ca-file={self.credentials.directory / 'ca.pem'}",
                f"--service-account-private-key-file={self.credentials.signing_key}",
                f"--node-monitor-grace-period={NODE_GRACE_S}s",
            ],
        )
        self.daemons.start("kube-scheduler", [str(self._tools.path("kube-scheduler")), *controllers])
        self._start_nodes(own)

    def _start_nodes(self, own: Path) -> None:
        folder = self.credentials.directory
        stages = [
            self._tools.files("kwok") / "kustomize" / "stage" / f"{name}.yaml"
            for name in (*KWOK_STAGES, *KWOK_POD_STAGES)
        ]
        self.daemons.start(
            "kwok",
            [
                str(self._tools.path("kwok")),
                f"--kubeconfig={own}",
                "--manage-all-nodes=true",
                f"--node-lease-duration-seconds={LEASE_S}",
                "--node-ip=127.0.0.1",
                f"--node-port={self.kubelet_port}",
                f"--server-address=127.0.0.1:{self.kubelet_port}",
                f"--tls-cert-file={folder / 'server.pem'}",
                f"--tls-private-key-file={folder / 'server-key.pem'}",
                *(f"--config={path}" for path in (*stages, STAGES, self.kubelet.configure(self.pod_ports))),
            ],
        )

    def _create_node(self) -> None:
        self.api.create("/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})

    def _has_ready_node(self) -> bool:
        conditions = self.api.get(f"/api/v1/nodes/{NODE}").get("status", {}).get("conditions", [])
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
