"""What the modes and the fence stop, on a real API server: by the effects of requests, without a look at words."""

import json
from dataclasses import dataclass

import pytest

from shared.changes import ChangeState
from shared.models import FailureCode
from tests.e2e.clients import RestClient
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support import processes
from tests.support.control_plane import ControlPlane
from tests.support.product import is_serving
from tests.support.waiting import wait_blocking
from worker.door.requests import discovery, kinds

START_TIMEOUT_S = 30
FENCED = "fence-"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
LATE = {"K8S_MCP_REFUSE_EARLY": "false", "K8S_MCP_SECURITY_MODE": "strict"}


@pytest.fixture(scope="module")
def gateways(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URLs of gateways of the session that leave all to the door: in `strict`, in `read-only`, and inside a fence."""
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(f"namespaces: '{FENCED}*'\n")
    settings = {
        "strict": LATE,
        "read-only": LATE | {"K8S_MCP_SECURITY_MODE": "read-only"},
        "fence": LATE | {"K8S_MCP_SECURITY_CONFIG": str(policy)},
    }
    started = {name: system.product.start_gateway(**given) for name, given in settings.items()}
    processes.long_lived.update(process.pid for _, process in started.values())
    wait_blocking(lambda: all(is_serving(url, process) for url, process in started.values()), timeout_s=START_TIMEOUT_S)
    return {name: url for name, (url, _) in started.items()}


@dataclass(frozen=True)
class Guests:
    """The cluster's administrator behind each of the gateways."""

    urls: dict[str, str]
    cluster: ControlPlane

    def of(self, name: str, namespace: str) -> User:
        kubeconfig = self.cluster.kubeconfig(namespace=namespace)
        return User(RestClient((self.urls[name],)), self.cluster, namespace, kubeconfig)


@pytest.fixture
def guests(gateways: dict[str, str], cluster: ControlPlane) -> Guests:
    return Guests(gateways, cluster)


def owned(name: str) -> str:
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "nothing",
        "uid": "00000000-0000-0000-0000-000000000000",
    }
    return json.dumps({"metadata": {"ownerReferences": [reference]}}).replace("nothing", name)


def secret(kind: str, namespace: str) -> str:
    metadata = {
        "name": "minted",
        "namespace": namespace,
        "annotations": {"kubernetes.io/service-account.name": "default"},
    }
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind})


TAINTED = """'[{"op":"add","path":"/spec/taints","value":[{"key":"a","effect":"NoExecute"}]}]'"""
NODE_REQUEST = {
    "apiVersion": "certificates.k8s.io/v1",
    "kind": "CertificateSigningRequest",
    "metadata": {"name": "stolen"},
    "spec": {
        "request": "",
        "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": ["digital signature", "key encipherment", "client auth"],
    },
}
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.mark.parametrize(
    "command",
    [
        "delete ns NS --wait=false",
        "delete --raw /api/v1/namespaces/NS",
        "delete pvc data --wait=false",
        "delete --raw /api/v1/namespaces/NS/persistentvolumeclaims",
        "delete --raw /api/v1/namespaces/NS/pods",
        "delete node NODE --wait=false",
        "patch ns NS --type=merge -p OWNED",
        "patch ns NS --subresource=status --type=merge -p OWNED",
        "patch pvc data --subresource=status --type=merge -p OWNED",
        "create -f node.json",
        "patch pvc data -p OWNED",
        "taint node NODE a=b:NoExecute",
        "patch node NODE --type=json -p TAINTED",
        "create --raw /api/v1/namespaces/NS/serviceaccounts/default/token -f token.json",
        "apply -f minted.json",
        "apply --server-side -f minted.json",
        "create -f minted.json",
        "create -f bootstrap.json",
    ],
)
async def test_strict_stops_what_cannot_be_undone(guests: Guests, namespace: str, command: str) -> None:
    user = guests.of("strict", namespace)
    await user.output("kubectl", "apply -f -", stdin=CLAIM)
    node = guests.cluster.api.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    files = {
        "token.json": json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}),
        "minted.json": secret("kubernetes.io/service-account-token", namespace),
        "node.json": json.dumps(NODE_REQUEST),
        "bootstrap.json": secret("bootstrap.kubernetes.io/token", namespace),
    }
    written = (
        command.replace("NS", namespace)
        .replace("NODE", node)
        .replace("OWNED", f"'{owned('gone')}'")
        .replace("TAINTED", TAINTED)
    )

    response = await user.run("kubectl", written, files=files)

    assert response.code is FailureCode.EFFECT_DENIED, response
    assert "the rule strict refuses it" in (response.error or "")
    assert response.changes is not None
    assert {change.state for change in response.changes.items} == {ChangeState.REFUSED}
    api = guests.cluster.api
    assert not api.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("deletionTimestamp")
    assert not api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data")["metadata"].get(
        "deletionTimestamp"
    )
    assert not any(
        taint["effect"] == "NoExecute" for taint in api.get(f"/api/v1/nodes/{node}")["spec"].get("taints", [])
    )
    assert not api.has(f"/api/v1/namespaces/{namespace}/secrets/minted")


@pytest.mark.parametrize("command", ["label ns NS a=b", "annotate pvc data a=b", "cordon NODE", "uncordon NODE"])
async def test_strict_lets_ordinary_changes_of_what_it_keeps_through(
    guests: Guests, namespace: str, command: str
) -> None:
    user = guests.of("strict", namespace)
    await user.output("kubectl", "apply -f -", stdin=CLAIM)
    node = guests.cluster.api.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    await user.output("kubectl", command.replace("NS", namespace).replace("NODE", node))


@pytest.mark.parametrize("command", ["apply --server-side -f crd.json", "create -f crd.json", "replace -f crd.json"])
async def test_strict_lets_deep_definitions_be_applied(guests: Guests, namespace: str, command: str) -> None:
    """That of cert-manager's Issuer has 39 levels."""
    user = guests.of("strict", namespace)
    leaf: dict[str, object] = {"type": "string", "description": "NoSchedule, PreferNoSchedule and NoExecute. a < b"}
    for _ in range(17):
        leaf = {"type": "object", "properties": {"a": leaf}}
    group = f"{namespace}.example.com"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": leaf}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"deeps.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": "deeps", "singular": "deep", "kind": "Deep", "listKind": "DeepList"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    files = {"crd.json": json.dumps(definition)}
    if command.startswith("replace"):
        await user.output("kubectl", "create -f crd.json", files=files)
    await user.output("kubectl", command, files=files)


@pytest.fixture
def fenced(guests: Guests, namespace: str) -> User:
    name = f"{FENCED}{namespace}"
    guests.cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return guests.of("fence", name)


async def test_fence_lets_a_command_work_inside(fenced: User) -> None:
    await fenced.output("kubectl", "create cm x --from-literal=a=b")
    await fenced.output("kubectl", "create deployment web --image=x")
    assert "web" in await fenced.output("kubectl", "get all")
    await fenced.output("kubectl", "get nodes")
    await fenced.output("kubectl", "get crd")
    await fenced.output("kubectl", "delete cm x")


@pytest.mark.parametrize(
    "command",
    [
        "get pods -n kube-system",
        "get pods -A",
        "get secrets --all-namespaces -o name",
        "get --raw /api/v1/namespaces/kube-system/configmaps",
        "get --raw /api/v1/secrets",
    ],
)
async def test_fence_hides_what_is_outside(fenced: User, command: str) -> None:
    response = await fenced.run("kubectl", command)
    assert not response.success
    assert "the rule fence refuses it" in (response.error or ""), response


@pytest.mark.parametrize(
    "command",
    [
        "create ns other-NS",
        "label ns NS a=b",
        "create cm x -n kube-system",
        "create clusterrole x-NS --verb=get --resource=pods",
        "apply -f outside.yaml",
        "create -f cluster.yaml",
    ],
)
async def test_fence_stops_changes_outside(fenced: User, command: str) -> None:
    files = {
        "outside.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n",
        "cluster.yaml": "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: x}\nprovisioner: x\n",
    }
    response = await fenced.run("kubectl", command.replace("NS", fenced.namespace), files=files)
    assert not response.success
    assert "the rule fence refuses it" in (response.error or ""), response
    assert not fenced.cluster.api.has("/api/v1/namespaces/kube-system/configmaps/x")
    assert not fenced.cluster.api.has("/apis/storage.k8s.io/v1/storageclasses/x")


async def test_read_only_server_lets_rights_of_others_be_asked_for(guests: Guests, namespace: str) -> None:
    user = guests.of("read-only", namespace)
    account = f"system:serviceaccount:{namespace}:default"
    assert "no" in (await user.run("kubectl", f"auth can-i create pods --as={account}")).output
    assert account in await user.output("kubectl", f"auth whoami --as={account}")
    assert "identity" in await user.refusal("kubectl", f"get pods --as={account}")


async def test_repeated_request_ends_a_command(guests: Guests, namespace: str) -> None:
    """istioctl repeats what is answered 403 for as long as it runs."""
    response = await guests.of("fence", namespace).run("istioctl", "proxy-status", timeout=60)
    assert not response.success
    assert "the rule fence refuses it" in (response.error or ""), response
    assert response.state == "failed"


def test_scope_of_each_resource_is_what_the_server_says(cluster: ControlPlane) -> None:
    """Of the groups that the API server serves itself."""
    found: dict[tuple[str, str], bool] = {}
    for path in ("/api", "/apis"):
        document = cluster.api.send("GET", path, accept=AGGREGATED).content
        for (group, _, resource), said in discovery.parse(document).resources.items():
            found[group, resource] = said.is_namespaced
    own = {whole: is_namespaced for whole, is_namespaced in found.items() if whole[0] in kinds.OWN_GROUPS}
    assert len(own) > len(kinds.OWN_GROUPS)
    assert {whole for whole, is_namespaced in own.items() if not is_namespaced} <= kinds.CLUSTER_WIDE
    assert not [whole for whole, is_namespaced in own.items() if is_namespaced and whole in kinds.CLUSTER_WIDE]
