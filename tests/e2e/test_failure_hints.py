"""The failures that callers meet most, as the real CLIs print them: each has one next step."""

import re
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.user import User

CHART = manifests.chart()
TAKEN = {**CHART, "web/templates/taken.yaml": manifests.config_map("taken", a="b")}
WITHOUT_VALUE = {**CHART, "web/templates/broken.yaml": "a: {{ .Values.missing.value }}\n"}
GIZMO = "apiVersion: example.io/v1\nkind: Gizmo\nmetadata: {name: web}\n"
MISSPELT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndta: {a: b}\n"
STALE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: taken, resourceVersion: '1'}\n"

FAILURES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("kubectl", "get configmap missing", "-A", {}),
    ("kubectl", "get gizmos", "api-resources", {}),
    ("kubectl", "delete pod", "--help", {}),
    ("kubectl", "scale deploy web", "--help", {}),
    ("kubectl", "create configmap taken --from-literal=a=b", "apply", {}),
    ("kubectl", "create configmap x -n nowhere --from-literal=a=b", "get namespaces", {}),
    ("kubectl", "apply -f missing.yaml", "`files`", {}),
    ("kubectl", "apply -f -", "explain", {"stdin": MISSPELT}),
    ("kubectl", "apply -f -", "`stdin`", {}),
    ("kubectl", "top pods", "metrics-server", {}),
    ("kubectl", "apply -f -", "CRD", {"stdin": GIZMO}),
    ("kubectl", "apply -f -", "breaks the rule", {"stdin": manifests.config_map("Web_1")}),
    ("kubectl", "apply -f -", "YAML", {"stdin": "a: [b\n"}),
    ("kubectl", "replace -f -", "`get` it again", {"stdin": STALE}),
    ("helm", "status web", "list -A", {}),
    ("helm", "upgrade web ./web", "--install", {"files": CHART}),
    ("helm", "install there ./web", "`upgrade --install", {"files": CHART}),
    ("helm", "install web ./missing", "`files`", {}),
    ("helm", "install web", "--help", {}),
    ("helm", "install Web_1 ./web", "breaks the rule", {"files": CHART}),
    ("helm", "install web ./web -n nowhere", "get namespaces", {"files": CHART}),
    ("helm", "install web ./web", "--take-ownership", {"files": TAKEN}),
    ("helm", "install web ./web", "show values", {"files": WITHOUT_VALUE}),
    ("istioctl", "proxy-config routes deploy/web", "get pods -A", {}),
    ("istioctl", "analyze missing.yaml", "`files`", {}),
    ("argocd", "app list", "X-Argocd-Server", {}),
]


async def test_each_has_a_next_step(user: User) -> None:
    await user.output("kubectl", "create configmap taken --from-literal=a=b")
    await user.output("helm", "install there ./web", files=CHART)
    missed = []
    for tool, command, names, fields in FAILURES:
        failed = await user.failure(tool, command, **fields)
        if names not in (failed.hint or ""):
            missed.append((tool, command, failed.error, failed.hint))
    assert not missed


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("kubectl get pods --outptu wide", "`--output`"),
        ("kubectl gett pods", "`get`"),
        ("istioctl analize", "`analyze`"),
    ],
)
async def test_what_is_misspelt_is_told_before_it_runs(user: User, command: str, meant: str) -> None:
    tool, _, rest = command.partition(" ")
    assert f"did you mean {meant}?" in await user.refusal(tool, rest)


async def test_value_that_the_cli_would_not_take_is_told_before_it_runs(user: User) -> None:
    assert "`--set`" in await user.refusal("helm", "install web ./web --set a", files=CHART)


async def test_field_that_cannot_change_has_one(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.deployment())
    changed = manifests.deployment().replace("app: web", "app: other")
    failed = await user.failure("kubectl", "apply -f -", stdin=changed)
    assert "delete the object" in (failed.hint or "")


@pytest.mark.parametrize("tool_and_command", ["kubectl get pods", "helm list"])
@pytest.mark.parametrize("server", ["https://127.0.0.1:1", "https://nowhere.invalid:6443"])
async def test_server_that_is_not_there_has_one(user: User, tool_and_command: str, server: str) -> None:
    elsewhere = user.with_kubeconfig(re.sub(r"https://[^\s\"]+", server, user.kubeconfig or ""))
    tool, _, command = tool_and_command.partition(" ")
    failed = await elsewhere.failure(tool, command)
    assert "`server`" in (failed.hint or ""), failed
