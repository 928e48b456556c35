"""Our own Helm chart, rendered as `helm template` does: without a cluster, and so with fresh secrets each time."""

import base64
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support import cli
from tests.support.product import PROJECT

CHART = PROJECT / "deploy" / "helm" / "mcp-k8s"
PAGE = PROJECT / "docs" / "kubernetes.md"
VALUES = sorted((CHART / "ci").glob("*.yaml"))
MINIMUM = CHART / "ci" / "default-values.yaml"
RELEASE = "demo"
NAMESPACE = "tools"
TIMEOUT_S = 60

Manifest = dict[str, Any]


def helm(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """That ended, however it did."""
    return subprocess.run(
        [cli.find("helm"), *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


def arguments(files: Iterable[Path], overrides: Mapping[str, Any] = {}) -> list[str | Path]:
    """What names values to helm. `overrides` maps a dotted path to a value."""
    named: list[str | Path] = [word for path in files for word in ("--values", path)]
    return named + [word for path, value in overrides.items() for word in ("--set-json", f"{path}={json.dumps(value)}")]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one set of values makes of the chart."""

    manifests: tuple[Manifest, ...]

    def of_kind(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str, component: str) -> Manifest:
        """The only one of that kind and component."""
        (manifest,) = [each for each in self.of_kind(kind) if each["metadata"]["name"].endswith(f"-{component}")]
        return manifest

    def pod(self, component: str) -> Manifest:
        """The pod's spec."""
        spec: Manifest = self.one("StatefulSet" if component == "redis" else "Deployment", component)["spec"]
        return dict(spec["template"]["spec"])

    def environment(self, component: str) -> dict[str, str]:
        """Of the component's container."""
        return {entry["name"]: entry["value"] for entry in self.pod(component)["containers"][0]["env"]}

    def secret(self, component: str) -> dict[str, str]:
        data = self.one("Secret", component)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}


def render(*files: Path, **overrides: Any) -> Rendered:
    """Of the values in the files, and of `overrides`: `gateway__replicas=3` is gateway.replicas."""
    dotted = {path.replace("__", "."): value for path, value in overrides.items()}
    answer = helm("template", RELEASE, CHART, "--namespace", NAMESPACE, *arguments(files or [MINIMUM], dotted))
    assert answer.returncode == 0, answer.stderr
    return Rendered(tuple(manifest for manifest in yaml.safe_load_all(answer.stdout) if manifest))


def refusal(*files: Path, **overrides: Any) -> str:
    """What helm says about values that it must not take."""
    dotted = {path.replace("__", "."): value for path, value in overrides.items()}
    answer = helm("template", RELEASE, CHART, *arguments(files or [MINIMUM], dotted))
    assert answer.returncode != 0, "these values are taken"
    return answer.stderr
