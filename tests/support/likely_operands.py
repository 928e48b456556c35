"""What a user writes behind a verb and as a flag's value, so that a command would often work.

The operands are in `likely_operands.toml`, by CLI and verb.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

NEW = "NEW"
"""Stands for a name that nothing has yet."""
_FILE = Path(__file__).with_suffix(".toml")


def behind(tool: str, verb: str) -> Sequence[str]:
    """Returns operands with which the verb would work; nothing where none are known."""
    return _known().get(tool, {}).get(verb, ())


@cache
def _known() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


WORDS = (
    *("web", "web-0", "deployment/web", "pods", "configmap", "config", "secret/password", "node-1", "all", "default"),
    *("./web", "old", "web.yaml", "-", "a=b", "a-", "*", "true", "1", "robot", "other", "crd", "service", NEW),
)
"""What stands behind a verb of which nothing is known here."""

VALUES: Mapping[str, tuple[str, ...]] = {
    "as": ("system:serviceaccount:default:robot", "admin"),
    "dry-run": ("none", "client", "server", "true", "false"),
    "filename": ("web.yaml", "-", "new.yaml", "./", "role.yaml"),
    "file": ("web.yaml", "new.yaml"),
    "values": ("values.yaml",),
    "kustomize": (".",),
    "namespace": ("default", "other", NEW),
    "output": ("json", "yaml", "name", "wide", "jsonpath={.items}", "table", "short"),
    "selector": ("app=web", "app!=web"),
    "field-selector": ("metadata.name=web",),
    "patch": ('{"metadata":{"labels":{"p":"q"}}}',),
    "raw": ("/api/v1/namespaces/default/configmaps/config", "/apis/apps/v1/namespaces/default/deployments/web"),
    "subresource": ("status", "scale"),
    "type": ("merge", "json", "strategic"),
    "cascade": ("background", "foreground", "orphan"),
    "replicas": ("2",),
    "image": ("busybox",),
    "port": ("80",),
    "timeout": ("1s",),
    "request-timeout": ("2s",),
    "grace-period": ("0", "1"),
    "wait": ("watcher", "hookOnly", "legacy", "false"),
    "validate": ("strict", "ignore"),
    "revision": ("1", "default"),
    "set": ("replicas=2",),
    "istioNamespace": ("default",),
    "context": ("test",),
    "kube-context": ("test",),
    "v": ("9",),
    "string": ("web", "a=b", "1"),
    "array": ("a=b", "web"),
    "list": ("a=b", "web"),
    "map": ("a=b",),
    "int": ("1", "3"),
    "duration": ("1s",),
    "bool": ("true", "false"),
}
"""By the flag's name, and by the type of flags that are not here by name."""
