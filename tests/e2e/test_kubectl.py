"""kubectl against a real cluster."""

import asyncio
import json

import pytest

from tests.e2e import manifests
from tests.e2e.user import User
from tests.support.control_plane import ControlPlane


async def test_applied_deployment_rolls_out(user: User) -> None:
    assert "deployment.apps/web created" in await user.output("kubectl", "apply -f -", stdin=manifests.deployment())
    assert "successfully rolled out" in await user.output("kubectl", "rollout status deploy/web --timeout=60s")
    pods = json.loads(await user.output("kubectl", "get pods -l app=web -o json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]


async def test_files_are_applied_with_their_folders(user: User) -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\nnamePrefix: my-\n",
        "base/web.yaml": manifests.config_map("web", colour="blue"),
        "extra.yaml": manifests.config_map("extra", colour="red"),
    }
    await user.output("kubectl", "apply -k base", files=files)
    await user.output("kubectl", "apply -f extra.yaml", files=files)
    names = await user.output("kubectl", "get configmaps -o jsonpath='{.items[*].metadata.name}'")
    assert {"my-web", "extra"} <= set(names.split())


async def test_patch_label_annotate_and_scale_change_what_they_say(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.deployment())
    await user.output("kubectl", """patch deploy web -p '{"spec":{"minReadySeconds":1}}'""")
    await user.output("kubectl", "label deploy web tier=front")
    await user.output("kubectl", "annotate deploy web note='a; b && $c'")
    await user.output("kubectl", "scale deploy web --replicas=3")
    found = json.loads(await user.output("kubectl", "get deploy web -o json"))
    assert (found["spec"]["minReadySeconds"], found["spec"]["replicas"]) == (1, 3)
    assert found["metadata"]["labels"]["tier"] == "front"
    assert found["metadata"]["annotations"]["note"] == "a; b && $c"


async def test_rollout_is_changed_looked_at_and_undone(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.deployment())
    await user.output("kubectl", "set image deploy/web main=registry.example/web:2")
    await user.output("kubectl", "rollout status deploy/web --timeout=60s")
    assert "2" in await user.output("kubectl", "rollout history deploy/web")
    await user.output("kubectl", "rollout undo deploy/web")
    image = await user.output("kubectl", "get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}'")
    assert image == "registry.example/web:1"


async def test_wait_ends_when_the_condition_holds(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.deployment(annotations=manifests.slow("2s"), replicas=1))
    output = await user.output("kubectl", "wait deploy/web --for=condition=Available --timeout=60s")
    assert "condition met" in output


async def test_wait_for_pods_that_never_get_ready_says_where_to_look(user: User) -> None:
    stuck = manifests.deployment(annotations=manifests.broken("ImagePullBackOff"), replicas=1)
    await user.output("kubectl", "apply -f -", stdin=stuck)
    failed = await user.failure("kubectl", "wait deploy/web --for=condition=Available --timeout=3s")
    assert "timed out" in (failed.error or "")
    assert "get pods" in (failed.hint or "")
    assert "ImagePullBackOff" in await user.output("kubectl", "get pods")


async def test_deleted_object_is_gone_and_its_absence_explained(user: User) -> None:
    await user.output("kubectl", "create configmap web --from-literal='a=b|c'")
    assert "deleted" in await user.output("kubectl", "delete configmap web")
    failed = await user.failure("kubectl", "get configmap web")
    assert 'configmaps "web" not found' in (failed.error or "")
    assert "-A" in (failed.hint or "")


async def test_denial_of_the_cluster_is_readable(user: User) -> None:
    user.cluster.allow_viewer(user.namespace)
    await user.output("kubectl", "create configmap web --from-literal=a=b")
    viewer = user.with_kubeconfig(user.cluster.viewer_kubeconfig(user.namespace))
    assert "web" in await viewer.output("kubectl", "get configmaps")
    for command in ("delete configmap web", "get secrets", "get configmaps -n kube-system"):
        failed = await viewer.failure("kubectl", command)
        assert 'User "viewer" cannot' in (failed.error or "")
        assert "auth can-i" in (failed.hint or "")
    assert "web" in await user.output("kubectl", "get configmaps")


async def test_expired_token_and_foreign_authority_are_told_apart(user: User) -> None:
    expired = await user.with_kubeconfig(user.cluster.expired_kubeconfig()).failure("kubectl", "get pods")
    assert "fresh kubeconfig" in (expired.hint or "")
    foreign = await user.with_kubeconfig(user.cluster.foreign_ca_kubeconfig()).failure("kubectl", "get pods")
    assert "certificate-authority-data" in (foreign.hint or "")


async def test_two_clusters_are_asked_at_once(user: User, second_cluster: ControlPlane) -> None:
    other = user.with_kubeconfig(second_cluster.kubeconfig())
    await user.output("kubectl", "create configmap here --from-literal=a=b", namespace="default")
    await other.output("kubectl", "create configmap there --from-literal=a=b", namespace="default")
    asked = [someone.output("kubectl", "get configmaps -n default -o name") for someone in (user, other) * 4]
    answers = await asyncio.gather(*asked)
    assert all("configmap/here" in answer and "configmap/there" not in answer for answer in answers[::2])
    assert all("configmap/there" in answer and "configmap/here" not in answer for answer in answers[1::2])
    await user.output("kubectl", "delete configmap here -n default")
    await other.output("kubectl", "delete configmap there -n default")


async def test_context_picks_one_of_the_kubeconfigs(user: User) -> None:
    await user.output("kubectl", "create configmap mine --from-literal=a=b")
    contexts = {"system": "kube-system"}
    both = user.with_kubeconfig(user.cluster.kubeconfig(namespace=user.namespace, contexts=contexts))
    assert "mine" in await both.output("kubectl", "get configmaps")
    assert "mine" not in await both.output("kubectl", "get configmaps", context="system")
    assert "mine" not in await both.output("kubectl", "get configmaps --context system")
    assert "system" in await both.refusal("kubectl", "get configmaps", context="nowhere")


async def test_watch_ends_as_a_success_with_what_was_seen(user: User) -> None:
    await user.output("kubectl", "create configmap web --from-literal=a=b")
    watched = await user.run("kubectl", "get configmaps --watch", timeout=3)
    assert (watched.success, watched.state, watched.exit_code) == (True, "succeeded", 0)
    assert "web" in watched.output
    assert "time limit" in (watched.hint or "")


async def test_difference_is_shown_as_diff_shows_it(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.config_map("web", colour="blue"))
    assert await user.output("kubectl", "diff -f -", stdin=manifests.config_map("web", colour="blue")) == ""
    changed = await user.run("kubectl", "diff -f -", stdin=manifests.config_map("web", colour="red"))
    assert (changed.exit_code, changed.error) == (1, None)
    assert "-  colour: blue" in changed.output
    assert "+  colour: red" in changed.output
    assert "differences" in (changed.hint or "")


async def test_output_goes_through_filters(user: User) -> None:
    for name in ("b", "a", "c"):
        await user.output("kubectl", f"create configmap {name} --from-literal=a=b")
    pipeline = "get configmaps -o name | grep -v kube-root | sort -r | head -2"
    assert await user.output("kubectl", pipeline) == "configmap/c\nconfigmap/b\n"
    failed = await user.failure("kubectl", "get gizmos | wc -l")
    assert "[kubectl] " in (failed.error or "")
    assert "filters" in await user.refusal("kubectl", "get pods | sh")


async def test_server_side_apply_names_who_owns_a_field(user: User) -> None:
    manifest = manifests.config_map("web", colour="blue")
    await user.output("kubectl", "apply --server-side --field-manager=first -f -", stdin=manifest)
    change = manifests.config_map("web", colour="red")
    failed = await user.failure("kubectl", "apply --server-side --field-manager=second -f -", stdin=change)
    assert "--force-conflicts" in (failed.hint or "")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("version", "Server Version: v1.37"),
        ("api-resources --api-group=apps", "deployments"),
        ("explain deployment.spec.replicas", "integer"),
        ("auth can-i delete pods", "yes"),
        ("auth whoami", "admin"),
        ("get nodes", "Ready"),
        ("get --raw /readyz", "ok"),
        ("cluster-info", "control plane"),
    ],
)
async def test_reading_commands_answer(user: User, command: str, names: str) -> None:
    assert names in await user.output("kubectl", command)


async def test_unknown_kind_has_a_next_step(user: User) -> None:
    failed = await user.failure("kubectl", "get gizmos")
    assert "api-resources" in (failed.hint or "")
