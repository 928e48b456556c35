"""The corpus of commands: tests/corpus/commands.txt, one line a command with all that is to be found about it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.models import CommandClass

FILE = Path(__file__).parents[1] / "corpus" / "commands.txt"
FENCE = ("shop", "team-*")
"""Namespaces of the fence that the column `fence` speaks of."""
KUBECONFIG_NAMESPACE = "shop"
NOTHING = "-"
CLASSES = frozenset(map(str, CommandClass))
_INPUT = " < "


def manifest(kind: str = "Pod", namespace: str | None = None, version: str = "v1") -> str:
    """One object, as JSON."""
    metadata = {"name": "a", **({"namespace": namespace} if namespace is not None else {})}
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata})


FILES = {
    "pod.yaml": "kind: Pod\nmetadata: {name: a}\n",
    "two.yaml": "kind: Pod\n---\napiVersion: v1\nkind: Namespace\n",
    "list.json": json.dumps({"kind": "List", "items": [{"kind": "Pod"}, {"kind": "ClusterRole"}]}),
    "secrets.json": json.dumps({"kind": "List", "items": [{"kind": "Secret"}, {"kind": "Pod"}]}),
    "secret.yaml": "kind: Secret\nmetadata: {name: a}\n",
    "glued.yaml": 'kind: Pod\na: "\n---b\n kind: Namespace"\n',
    "broken.yaml": "kind: [",
    "items.json": json.dumps({"kind": "Pod", "items": [{"kind": "Namespace"}]}),
    "merge.yaml": "kind: Pod\n<<: {kind: Namespace}\n",
    "ns.yaml": "kind: Namespace\n",
    "pod.yaml,two.yaml": "kind: Namespace\n",
    '"pod.yaml': "kind: Pod\n",
    'two.yaml"': "kind: Pod\n",
    "folder/pod.yaml": "kind: Pod\n",
    "folder/ns.yaml": "kind: Namespace\n",
    "none.json": manifest(),
    "shop.json": manifest(namespace="shop"),
    "team.json": manifest(namespace="team-a"),
    "other.json": manifest(namespace="kube-system"),
    "place/shop.json": manifest(namespace="shop"),
    "place/deep/other.json": manifest(namespace="kube-system"),
    '"shop.json': manifest(namespace="shop"),
    'other.json"': manifest(namespace="shop"),
    "shop.json,other.json": manifest(namespace="kube-system"),
    "kustomization.yaml": "namespace: kube-system\nresources: [none.json]\n",
}
"""They come with each command, and one of them as its standard input where the line ends with `< NAME`."""


@dataclass(frozen=True)
class Row:
    """One line. Of a command that the parser refuses it says the error's code alone."""

    text: str
    """The command with its tool, and with what it reads."""
    found: str
    """The class that policy gives it, or the error's code."""
    lane: str = NOTHING
    read_only: str = NOTHING
    """`yes`, `no`, or the code of a word that the CLI does not have; so for the other modes."""
    strict: str = NOTHING
    permissive: str = NOTHING
    fence: str = NOTHING
    """`no` where its words say that it gets out, else `yes`."""
    masked: str = NOTHING
    """The shape in which `strict` has its output masked."""

    @property
    def tool(self) -> str:
        return self.text.split(maxsplit=1)[0]

    @property
    def command(self) -> str:
        return self.text.removesuffix(f"{_INPUT}{self._input}") if self._input else self.text

    @property
    def stdin(self) -> str | None:
        return FILES.get(self._input)

    @property
    def _input(self) -> str:
        name = self.text.rpartition(_INPUT)[2]
        return name if name in FILES else ""


def rows() -> Iterator[Row]:
    """Each command of the file, in its order."""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found, rest = line.split(maxsplit=1)
            *columns, text = rest.split(maxsplit=6) if found in CLASSES else [rest]
            yield Row(text, found, *columns)
