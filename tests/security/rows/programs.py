"""Programs in the worker: plugins, editors, renderers, helpers of kustomize, and whatever a CLI looks for on PATH."""

from tests.security.attack import Attack, End, contained, refused
from tests.security.rows.charts import chart, kustomization

_TRANSFORMER = """
apiVersion: canary/v1
kind: Canary
metadata:
  name: x
  annotations:
    config.kubernetes.io/function: |
      exec: {path: @PROGRAM@}
"""
_CONTAINER = _TRANSFORMER.replace("exec: {path: @PROGRAM@}", "container: {image: '@PROGRAM@'}")
_HELM_CHARTS = "helmGlobals: {chartHome: .}\nhelmCharts: [{name: c, repo: 'http://@INSIDE@'}]\n"


def _unknown(name: str, command: str, tool: str = "kubectl") -> Attack:
    """A verb that only a plugin would have: `permissive` lets the CLI say that there is none."""
    return Attack(name, command, tool, permissive=End.FAILED)


def _transformed(name: str, command: str, transformer: str, *, ends: End = End.REFUSED) -> Attack:
    files = {**kustomization("transformers: [t.yaml]\n"), "t.yaml": transformer}
    return Attack(name, command, strict=ends, permissive=ends, files=files)


ROWS = (
    *refused(
        plugins="plugin",
        editor="edit cm/settings",
        editor_behind_flags="-n default edit cm/settings",
        editor_of_what_was_applied="apply edit-last-applied cm/settings",
        helper_of_kustomize="kustomize . --enable-helm --helm-command=@PROGRAM@",
        copying="cp web-1:/etc/hostname @MARKS@/x",
    ),
    *refused(below=End.HARMLESS, list_of_plugins="plugin list", editor_of_a_manifest="create -f - --edit"),
    _unknown("plugin-on-the-path", "canary"),
    _unknown("plugin-with-arguments", "canary get pods"),
    _unknown("plugin-in-upper-case", "CANARY"),
    _unknown("plugin-behind-flags", "--namespace=default canary"),
    _unknown("plugin-with-a-path", "../programs/kubectl-canary"),
    _transformed("function-of-a-kustomization", "kustomize . --enable-alpha-plugins --enable-exec", _TRANSFORMER),
    _transformed("function-without-its-flag", "kustomize .", _TRANSFORMER, ends=End.FAILED),
    _transformed("container-of-a-kustomization", "kustomize . --enable-alpha-plugins --network", _CONTAINER),
    Attack("charts-of-a-kustomization", "kustomize . --enable-helm", files=kustomization(_HELM_CHARTS)),
    *refused(
        "helm",
        renderer="install x ./chart --post-renderer @PROGRAM@",
        renderer_equals="template x ./chart --post-renderer=@PROGRAM@",
        renderer_underscore="template x ./chart --post_renderer=@PROGRAM@",
        renderer_in_quotes="template x ./chart '--post-renderer'=@PROGRAM@",
        renderer_before_the_verb="--post-renderer=@PROGRAM@ template x ./chart",
        renderer_with_arguments="upgrade x ./chart --install --post-renderer @PROGRAM@ --post-renderer-args x",
        renderer_of_a_release="upgrade --post-renderer @PROGRAM@ x ./chart",
        plugin_from_a_folder="plugin install @HOME@/.local/share/helm/plugins/canary",
        plugin_from_elsewhere="plugin install http://@INSIDE@/x.tgz",
        plugin_update="plugin update canary",
    ),
    *refused("helm", End.HARMLESS, plugins="plugin list"),
    _unknown("plugin", "canary", "helm"),
    Attack(
        "hook-of-a-plugin",
        "plugin install ./plugin",
        "helm",
        files={"plugin/plugin.yaml": "name: p\nversion: 1.0.0\nhooks: {install: '@PROGRAM@'}\n"},
    ),
    Attack(
        "downloader-of-a-chart",
        "template x canary://x",
        "helm",
        files=chart(),
    ),
    contained(
        "names-of-a-chart",
        "template x ./chart",
        End.HARMLESS,
        tool="helm",
        files=chart(template='a: {{ getHostByName "canary.invalid" | quote }}\n'),
    ),
    contained("variables", "env", End.HARMLESS, tool="helm"),
)
