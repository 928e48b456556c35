"""Our own Helm chart on a real API server, installed by a user whose permissions end at one namespace."""

import base64
import functools
import io
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.sealing.fernet_keys import MasterKeys
from tests.support import own_chart, readme
from tests.support.cli import Cli
from tests.support.control_plane import ControlPlane
from tests.support.e2e_tools import E2eTools
from tests.support.product import PROJECT
from tests.support.waiting import wait_blocking

OTHERS = ("keda.sh/", "monitoring.coreos.com/")
"""Kinds of operators that this cluster does not have."""
ROLE_TIMEOUT_S = 60.0
LEFT_BY_NAMESPACES = {"kube-root-ca.crt", "default", "namespace-admin"}
KINDS = (
    "deployments,statefulsets,pods,services,secrets,configmaps,serviceaccounts,persistentvolumeclaims,"
    "networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses,roles,rolebindings"
)


@dataclass(frozen=True, slots=True)
class Home:
    """A namespace that enforces the pod security standard `restricted`, and its administrator's CLIs."""

    namespace: str
    helm: Cli
    kubectl: Cli
    cluster: ControlPlane

    async def upgrade(self, *words: str) -> str:
        return await self.helm.output(
            "upgrade", "--install", "demo", str(own_chart.CHART), "--values", str(own_chart.MINIMUM), *words
        )

    async def master_keys(self) -> list[str]:
        secret = await self.object("secret", "demo-mcp-k8s-keys")
        return base64.b64decode(secret["data"]["master-keys"]).decode().split(",")

    async def object(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(await self.kubectl.output("get", kind, name, "-o", "yaml"))
        return found

    async def generations(self) -> list[int]:
        """Each rises with a change that replaces pods."""
        names = (("deployment", "gateway"), ("deployment", "worker"), ("statefulset", "redis"))
        found = [await self.object(kind, f"demo-mcp-k8s-{name}") for kind, name in names]
        return [int(each["metadata"]["generation"]) for each in found]


@pytest.fixture
def home(cluster: ControlPlane, tools: E2eTools, tmp_path: Path) -> Home:
    namespace = f"t{uuid.uuid4().hex[:8]}"
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": restricted}})
    cluster.api.create(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": "namespace-admin"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}],
        },
    )
    # A new cluster's controller manager has yet to put the role `admin` together, from `edit` and from `view`.
    for resource in ("secrets", "pods"):
        may_list = functools.partial(_may_list, resource, cluster, {"user": "viewer"}, namespace=namespace)
        wait_blocking(may_list, timeout_s=ROLE_TIMEOUT_S)
    _offer_volume(cluster, namespace, "data-demo-mcp-k8s-redis-0")
    path = tmp_path / "kubeconfig"
    path.write_text(cluster.viewer_kubeconfig(namespace))
    environment = {"KUBECONFIG": str(path), "HOME": str(tmp_path)}
    return Home(namespace, Cli(tools.path("helm"), environment), Cli(tools.path("kubectl"), environment), cluster)


def _offer_volume(cluster: ControlPlane, namespace: str, claim: str) -> None:
    cluster.api.create(
        "/api/v1/persistentvolumes",
        {
            "metadata": {"name": namespace},
            "spec": {
                "capacity": {"storage": "4Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/data"},
                "claimRef": {"namespace": namespace, "name": claim},
            },
        },
    )


def _may_list(resource: str, cluster: ControlPlane, user: Mapping[str, Any], *, namespace: str) -> bool:
    attributes = {"namespace": namespace, "verb": "list", "resource": resource}
    review = {"spec": {**user, "resourceAttributes": attributes}}
    answer = cluster.api.ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


async def left_in(home: Home) -> set[str]:
    objects = (await home.kubectl.output("get", KINDS, "-o", "name")).split()
    return {name for name in objects if name.partition("/")[2] not in LEFT_BY_NAMESPACES}


async def test_administrator_of_one_namespace_installs_it_and_nothing_of_it_stays(home: Home) -> None:
    await home.upgrade("--wait", "--timeout", "25s")
    pods = yaml.safe_load(await home.kubectl.output("get", "pods", "-o", "yaml"))["items"]
    assert len(pods) == 5
    for pod in pods:
        assert not [volume for volume in pod["spec"]["volumes"] if "token" in volume["name"]]
    claim = await home.object("pvc", "data-demo-mcp-k8s-redis-0")
    assert claim["status"]["phase"] == "Bound"

    await home.helm.output("uninstall", "demo", "--wait", "--timeout", "25s")
    await home.kubectl.output("wait", "--for=delete", "pods,pvc", "--all", "--timeout=25s")

    assert await left_in(home) == set()


async def test_upgrade_without_a_change_replaces_no_pod_and_keeps_every_secret(home: Home) -> None:
    await home.upgrade()
    before = [await home.master_keys(), (await home.object("secret", "demo-mcp-k8s-redis"))["data"]]
    generations = await home.generations()

    await home.upgrade()

    assert [await home.master_keys(), (await home.object("secret", "demo-mcp-k8s-redis"))["data"]] == before
    assert await home.generations() == generations


async def test_master_key_is_exchanged_in_steps_each_of_which_replaces_pods(home: Home) -> None:
    await home.upgrade()
    (old,) = await home.master_keys()
    skipped = await home.helm.run(
        "upgrade", "demo", str(own_chart.CHART), "--reuse-values", "--set", "masterKeys.rotation=switch"
    )
    assert "switch comes after prepare" in skipped.stderr
    generations = await home.generations()

    await home.upgrade("--set", "masterKeys.rotation=prepare")
    first, new = await home.master_keys()
    assert first == old
    MasterKeys([new])
    assert await home.generations() == [generations[0] + 1, generations[1] + 1, generations[2]]

    for _ in range(2):  # a step that is made again changes nothing
        await home.upgrade("--set", "masterKeys.rotation=switch")
        assert await home.master_keys() == [new, old]
    await home.upgrade("--set", "masterKeys.rotation=finish")
    await home.upgrade()
    assert await home.master_keys() == [new]

    await home.upgrade("--set", "masterKeys.rotation=prepare")
    assert (await home.master_keys())[0] == new


@pytest.mark.parametrize("values", own_chart.VALUES, ids=lambda path: path.stem)
async def test_api_server_takes_every_manifest(home: Home, values: Path) -> None:
    manifests = [each for each in own_chart.render(values).manifests if not each["apiVersion"].startswith(OTHERS)]
    for manifest in manifests:
        manifest["metadata"]["namespace"] = home.namespace
    stream = io.StringIO()
    yaml.safe_dump_all(manifests, stream)

    answer = await home.kubectl.run(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=stream.getvalue()
    )

    assert answer.exit_code == 0, answer.stderr
    assert answer.stderr == ""
    assert len(answer.stdout.splitlines()) == len(manifests)


async def test_service_account_may_do_nothing(home: Home) -> None:
    await home.upgrade()
    account = {
        "user": f"system:serviceaccount:{home.namespace}:demo-mcp-k8s",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{home.namespace}", "system:authenticated"],
    }
    for resource in ("secrets", "pods"):
        assert not _may_list(resource, home.cluster, account, namespace=home.namespace)
    bound = home.cluster.api.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{home.namespace}/rolebindings")
    assert [binding["metadata"]["name"] for binding in bound["items"]] == ["namespace-admin"]


async def test_documented_commands_work_one_after_the_other(
    cluster: ControlPlane, tools: E2eTools, tmp_path: Path
) -> None:
    _offer_volume(cluster, "mcp-k8s", "data-mcp-k8s-redis-0")
    (tmp_path / "deploy").symlink_to(PROJECT / "deploy")
    (tmp_path / "redis-url").write_text("rediss://:password@redis.example:6380/0")
    (tmp_path / "values.yaml").write_text("redis: {external: {peers: [{ipBlock: {cidr: 10.1.2.3/32}}]}}")
    (tmp_path / "ca.crt").write_bytes(cluster.credentials.ca_pem)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig())
    bin_directory = tools.link(("helm", "kubectl"), tmp_path / "bin")
    shell = Cli(
        Path("/bin/bash"),
        {
            "PATH": os.pathsep.join((str(bin_directory), os.environ["PATH"])),
            "HOME": str(tmp_path),
            "KUBECONFIG": str(kubeconfig),
        },
    )
    for block in readme.blocks("sh", page=own_chart.PAGE):
        await shell.output("-euo", "pipefail", "-c", f"cd {tmp_path}\n{block}")

    assert "mcp-k8s" not in await shell.output("-c", "helm list --short --namespace mcp-k8s")
