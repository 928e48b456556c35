"""What the policy sees in a manifest, compared with what the real kubectl makes of it."""

import json
from pathlib import Path

import pytest

from gateway.policy import manifests
from shared.command import parser
from shared.command.reading import UNSEEN
from shared.tools import registry
from tests.support import cli
from tests.support.cli import Cli

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\n"
INNER = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": "kube-system"}}'
MANIFESTS = {
    "plain": POD,
    "no namespace": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    "two documents": f"{POD}---\n{INNER}\n",
    "list": f'{{"apiVersion": "v1", "kind": "List", "items": [{INNER}]}}',
    "list by another name": f"{POD}items: [{INNER}]\n",
    "list in a list": f'{{"apiVersion": "v1", "kind": "List", "items": [{{"kind": "Pod", "items": [{INNER}]}}]}}',
    "typed list": '{"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}}]}',
    "merged namespace": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, <<: {namespace: kube-system}}",
    "merged kind": f"{POD}<<: {{kind: ConfigMap}}\n",
    "quoted merge": f"{POD}'<<': {{kind: ConfigMap}}\n",
    "key twice": f"{POD}kind: ConfigMap\n",
    "other case": f"{POD}Kind: ConfigMap\nItems: [{INNER}]\n",
    "document end": f"{POD}...\n{INNER}\n",
    "separator with text": f"{POD}--- {INNER}\n",
    "separator with a comment": f"{POD}--- # next\n{INNER}\n",
    "separator in a text": f'kind: Pod\napiVersion: v1\nmetadata: {{name: a, labels: {{x: "\n---\n{INNER}\n"}}}}',
    "carriage returns": POD.replace("\n", "\r") + f"---\r{INNER}",
    "two JSON documents": f"{INNER}{INNER}",
    "tab behind a separator": f"{POD}---\t\n{INNER}\n",
    "no-break space behind a separator": f"{POD}---\N{NO-BREAK SPACE}\n{INNER}\n",
    "yes for a namespace": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: on}",
    "escapes": '{"apiVersion": "v1", "\\u006bind": "Pod", "metadata": {"name": "a", "namespace": "kube\\u002dsystem"}}',
    "alias": "apiVersion: v1\nkind: &k Pod\nmetadata: {name: a, namespace: *k}",
}


@pytest.fixture
def kubectl(tmp_path: Path) -> Cli:
    return Cli(cli.find("kubectl"), {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")})


async def made_by(kubectl: Cli, text: str) -> set[tuple[str, str]]:
    """Kind, in lower-case plural, and namespace of each object; empty where kubectl takes none of it."""
    answer = await kubectl.run("label", "--local", "-f", "-", "x=y", "-o", "json", stdin=text)
    decoder, rest, found = json.JSONDecoder(), answer.stdout.strip(), set()
    while rest:
        value, end = decoder.raw_decode(rest)
        rest = rest[end:].strip()
        found.add((registry.find("kubectl").grammar.plural(value["kind"]), value["metadata"].get("namespace", "")))
    return found


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
async def test_policy_sees_whatever_kubectl_sees(kubectl: Cli, text: str) -> None:
    grammar = registry.find("kubectl").grammar
    reading = parser.parse(registry.find("kubectl"), "apply -f -").reading
    seen = manifests.objects(grammar, reading, stdin=text, files={})
    pairs = {(each.kind, namespace) for each in seen for namespace in each.namespaces}
    assert UNSEEN in {each.kind for each in seen} or await made_by(kubectl, text) <= pairs


async def test_what_kubectl_makes_is_looked_at(kubectl: Cli) -> None:
    assert await made_by(kubectl, POD) == {("pods", "shop")}
    assert await made_by(kubectl, MANIFESTS["merged kind"]) == {("configmaps", "shop")}
    assert await made_by(kubectl, MANIFESTS["list by another name"]) == {("configmaps", "kube-system")}
