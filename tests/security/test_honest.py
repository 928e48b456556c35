"""What looks hostile and is not: each of these succeeds, in `strict` and in `permissive`, with the sandbox on.

What a small API server cannot answer is tried on a real control plane in tests/e2e: see README.md here.
"""

import json
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from shared.models import CommandResponse
from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock
from tests.security.attack import Attack
from tests.security.rows.charts import chart
from tests.security.scene import Scene
from tests.support.chart_server import ChartServer
from tests.support.product import free_port

pytestmark = needs_landlock

MODES = [SecurityMode.STRICT, SecurityMode.PERMISSIVE]
DIGEST = f"sha256:{'0' * 64}"
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: b}\n"
OTHER = MANIFEST.replace("a: b", "a: different").replace("applied", "never-applied")
CHART = chart(
    template="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {a: '{{ .Values.a }}'}\n"
)


@dataclass(frozen=True)
class Honest:
    """`prints` is in its output; `then` is a second command, and what that must print."""

    command: str
    prints: str = ""
    then: tuple[str, str] | None = None
    tool: str = "kubectl"
    stdin: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    """That of success, but for `diff`, which says with 1 that there are differences."""
    needs: str = ""
    """A filter that the machine may lack."""


ROWS = {
    "set-based-selector": Honest("get pods -l 'app in (web,b)'", "web-1"),
    "json-path": Honest("get pods -o jsonpath='{.items[*].metadata.name}'", "web-1 web-2"),
    "json-path-with-a-filter": Honest("""get pods -o jsonpath='{.items[?(@.metadata.name=="web-1")].kind}'"""),
    "go-template": Honest("""get pods -o go-template='{{range .items}}{{.metadata.name}};{{end}}'""", "web-1;web-2;"),
    "columns": Honest("get pods -o custom-columns=N:.metadata.name", "web-1"),
    "merge-patch": Honest(
        """patch deploy web -p '{"spec":{"replicas":2}}'""", then=("get deploy web -o jsonpath='{.spec.replicas}'", "2")
    ),
    "json-patch": Honest(
        """patch --local -o yaml -f - --type=json -p '[{"op":"add","path":"/data/path","value":"/proc/x"}]'""",
        "path: /proc/x",
        stdin=MANIFEST,
    ),
    "label-with-shell-characters": Honest(
        'annotate pod web-1 --overwrite note="a; b && c"',
        then=("get pod web-1 -o jsonpath='{.metadata.annotations.note}'", "a; b && c"),
    ),
    "label": Honest("label pod web-1 --overwrite note=a", then=("get pod web-1 --show-labels", "note=a")),
    "variable-in-single-quotes": Honest(
        "annotate pod web-1 --overwrite k='$HOME'",
        then=("get pod web-1 -o jsonpath='{.metadata.annotations.k}'", "$HOME"),
    ),
    "substitution-in-single-quotes": Honest(
        "annotate pod web-1 --overwrite s='$(id) `id` > /tmp/x | sh'",
        then=("get pod web-1 -o jsonpath='{.metadata.annotations.s}'", "$(id) `id` > /tmp/x | sh"),
    ),
    "flag-in-a-value": Honest(
        "annotate pod web-1 --overwrite f='--server=https://x --token=y'",
        then=("get pod web-1 -o jsonpath='{.metadata.annotations.f}'", "--server=https://x --token=y"),
    ),
    "image-with-a-digest": Honest(
        f"set image deploy/web main=repo/img:1@{DIGEST}", then=("get deploy web -o yaml", f"repo/img:1@{DIGEST}")
    ),
    "literal-with-a-bar": Honest(
        "create cm NAME --from-literal='a=b|c'", then=("get cm NAME -o jsonpath='{.data.a}'", "b|c")
    ),
    "literal-with-a-path": Honest(
        "create cm NAME --from-literal=a=/etc/passwd", then=("get cm NAME -o jsonpath='{.data.a}'", "/etc/passwd")
    ),
    "apply-from-stdin": Honest("apply -f -", "configmap/applied", stdin=MANIFEST),
    "apply-from-a-file": Honest("apply -f manifest.yaml", "configmap/applied", files={"manifest.yaml": MANIFEST}),
    "apply-from-a-folder": Honest("apply -Rf manifests", "configmap/applied", files={"manifests/a/b.yaml": MANIFEST}),
    "apply-a-kustomization": Honest(
        "apply -k .", "configmap/applied", files={"kustomization.yaml": "resources: [a.yaml]", "a.yaml": MANIFEST}
    ),
    "config-map-from-a-file": Honest(
        "create cm NAME --from-file=key=a.txt",
        then=("get cm NAME -o jsonpath='{.data.key}'", "größe"),
        files={"a.txt": "größe"},
    ),
    "difference": Honest("diff -f -", "+  a: different", stdin=OTHER, exit_code=1),
    "no-difference": Honest("diff -f - --selector=none=none", stdin=OTHER),
    "log": Honest("logs web-1 --tail=2", "ready"),
    "rollout": Honest("rollout status deploy/web --timeout=60s", "successfully rolled out"),
    "deletion": Honest("delete cm applied --ignore-not-found"),
    "everywhere": Honest("get pods -A -o wide", "db-0"),
    "namespace-glued": Honest("get pods -nother", "db-0"),
    "tool-named-first": Honest("kubectl get pods", "web-1"),
    "line-that-goes-on": Honest("get pods \\\n  -n default", "web-1"),
    "name-behind-the-terminator": Honest("get pods -- web-1", "web-1"),
    "raw": Honest("get --raw /healthz", "ok"),
    "permissions": Honest("auth can-i get pods", "yes"),
    "jq": Honest(
        "get pods -n default -o json | jq -r '.items[].metadata.name' | sort | head -5", "web-1\nweb-2", needs="jq"
    ),
    "grep-and-awk": Honest("get pods --no-headers | grep -v web-2 | awk '{print $1}'", "web-1"),
    "sed-and-tr": Honest("get pods -o name | sed 's|^pod/||;s/-/_/' | tr a-z A-Z | sort -u", "WEB_1\nWEB_2"),
    "cut-uniq-wc": Honest("get pods -o name | cut -d/ -f1 | uniq -c | wc -l", "1"),
    "awk-that-quotes-a-path": Honest("get pods -o name | awk '/dev/ || 1 {print \"/proc/x\"}' | tail -1", "/proc/x"),
    "filter-with-a-file": Honest("get pods -o name | grep -f names.txt", "web-2", files={"names.txt": "web-2\n"}),
    "chart": Honest("template x ./chart", "name: 'x'", tool="helm", files=CHART),
    "chart-with-values": Honest(
        "template x ./chart -f values.yaml --set b=/etc/x",
        "a: 'green; $HOME'",
        tool="helm",
        files={**CHART, "values.yaml": "a: green; $HOME\n"},
    ),
    "set-file": Honest(
        "template x ./chart --set-file a=text.txt",
        "a: 'of a file'",
        tool="helm",
        files={**CHART, "text.txt": "of a file"},
    ),
    "path-in-a-value": Honest(
        "template x ./chart --set logs.access.filePath=/dev/stdout,image=http://127.0.0.1/x",
        "name: 'x'",
        tool="helm",
        files=CHART,
    ),
    "lint": Honest("lint ./chart", "0 chart(s) failed", tool="helm", files=CHART),
    "install": Honest(
        "upgrade --install NAME ./chart --wait --timeout 1m -f values.yaml --set-string b='a;b'",
        "deployed",
        then=("get cm NAME -o jsonpath='{.data.a}'", "blue"),
        tool="helm",
        files={**CHART, "values.yaml": "a: blue\n"},
    ),
    "releases": Honest("list -A -o json", "[", tool="helm"),
    "mesh": Honest("analyze --use-kube=false a.yaml", tool="istioctl", files={"a.yaml": MANIFEST}),
    "mesh-version": Honest("version --remote=false", "client version", tool="istioctl"),
    "argo-version": Honest("version --client --short", "argocd", tool="argocd"),
}


def keeps_path_of_server() -> bool:
    """Versions before 1.36 do not, with `--raw`."""
    told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, check=True)
    return int(json.loads(told.stdout)["clientVersion"]["minor"].rstrip("+")) >= 36


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.tool}-{name}") for name, row in ROWS.items()])
async def test_honest_command_succeeds(scene: Scene, name: str, mode: SecurityMode, row: Honest) -> None:
    if row.tool not in scene.tools:
        pytest.skip(f"this machine has no {row.tool}")
    if row.needs and not await has_filter(scene, row.needs):
        pytest.skip(f"this machine has no {row.needs}")
    if "--raw" in row.command and not keeps_path_of_server():
        pytest.skip("this kubectl leaves out the path of the kubeconfig's server with --raw")
    command = Attack("", row.command.replace("NAME", name), row.tool, stdin=row.stdin, files=row.files)

    response = await ran(scene, mode, command)

    assert (response.exit_code, row.prints in response.output) == (row.exit_code, True), response
    if row.then is not None:
        then, printed = row.then
        assert printed in (await ran(scene, mode, Attack("", then.replace("NAME", name)))).output


@pytest.mark.parametrize("mode", MODES)
async def test_chart_of_a_registry_is_installed(scene: Scene, name: str, mode: SecurityMode) -> None:
    files = {path.removeprefix("chart/"): text for path, text in CHART.items()}
    with ChartServer(free_port(), name="c", files=files) as charts:
        command = f"upgrade --install {name} {charts.registry}/c --plain-http --wait --timeout 10m -f values.yaml"
        installed = await ran(scene, mode, Attack("", command, "helm", files={"values.yaml": "a: blue\n"}))

    assert installed.success, installed


@pytest.mark.parametrize("mode", MODES)
async def test_command_for_a_container_reaches_the_api_server(scene: Scene, mode: SecurityMode) -> None:
    """The small API server has no containers, so that it can do no more than hear of it."""
    await ran(scene, mode, Attack("", f"exec web-1 -- ls /{mode} --token=x"))

    command = f"command=ls&command=%2F{mode}&command=--token%3Dx"
    assert (await scene.api_server.heard(command)).texts == [command]


@pytest.fixture
def name() -> str:
    """One that no other test uses."""
    return f"honest-{uuid.uuid4().hex[:8]}"


async def ran(scene: Scene, mode: SecurityMode, command: Attack) -> CommandResponse:
    """What became of a command that was not refused."""
    found = await scene.attempt(mode, command)
    await scene.check_canaries(found)
    assert found.response is not None, found
    return found.response


async def has_filter(scene: Scene, name: str) -> bool:
    response = await ran(scene, SecurityMode.STRICT, Attack("", f"version --client | {name} --version"))
    return "this worker has no" not in f"{response.error}"
