"""Failures that the end-to-end tests do not meet, in the CLIs' own words; and that every hint is one next step."""

import re

import pytest

from shared.tools import failure_hints, registry

TOOLS = registry.names()
ALL_HINTS = sorted({hint for tool in registry.tools() for hint in tool.failure_hints.items()})


@pytest.mark.parametrize(
    ("tool", "printed", "names"),
    [
        (
            "kubectl",
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?\n"
            "dial tcp 10.0.0.1:6443: connect: connection refused",
            "server",
        ),
        ("kubectl", "Unable to connect to the server: dial tcp: lookup k8s.example: no such host", "server"),
        ("kubectl", "error: unknown flag: --outptu\nSee 'kubectl get --help' for usage.", "--help"),
        (
            "kubectl",
            'error: Get "http://127.0.0.1:80/x": dial tcp 127.0.0.1:80: connect: permission denied',
            "loopback",
        ),
        (
            "kubectl",
            "Unable to connect to the server: dial tcp 169.254.0.1:443: not allowed by ruleset of this worker: deny",
            "operator",
        ),
        (
            "helm",
            'Error: Kubernetes cluster unreachable: Get "https://k8s.invalid/version": dial tcp k8s.invalid:443: '
            "no such host",
            "`server`",
        ),
        (
            "helm",
            'Error: looks like "https://charts.example" is not a valid chart repository or cannot be reached: '
            'Get "https://charts.example/index.yaml": dial tcp charts.example:443: no such host',
            "chart repository",
        ),
        (
            "helm",
            'Error: INSTALLATION FAILED: Get "https://charts.example/web-1.tgz": dial tcp 10.0.0.1:443: i/o timeout',
            "chart repository",
        ),
        (
            "helm",
            'Error: INSTALLATION FAILED: Get "https://registry.example/v2/nginx/tags/list": '
            "dial tcp registry.example:443: connect: network is unreachable",
            "registry",
        ),
        (
            "helm",
            'Error: INSTALLATION FAILED: Get "https://registry.example/v2/nginx/tags/list": '
            "dial tcp registry.example:443: not allowed by ruleset of this worker",
            "operator",
        ),
        (
            "helm",
            "Error: no cached repository for helm-manager-57be found. (try 'helm repo update'): open /x/helm-manager-57"
            "be-index.yaml: no such file or directory",
            "Chart.yaml",
        ),
        ("helm", "Error: INSTALLATION FAILED: cannot reuse a name that is still in use", "`upgrade --install"),
        ("helm", "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "rollback"),
        (
            "helm",
            "Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials",
            "fresh",
        ),
        ("kubectl", 'error: failed to create configmap: configmaps "web" already exists', "apply"),
        ("kubectl", 'Error from server (NotFound): namespaces "nowhere" not found', "get namespaces"),
        ("kubectl", 'error: resource mapping not found: no matches for kind "Gizmo" in version "example.io/v1"', "CRD"),
        ("kubectl", 'strict decoding error: unknown field "dta"', "explain"),
        ("helm", 'Error: UPGRADE FAILED: "web" has no deployed releases', "upgrade --install"),
        ("helm", 'ConfigMap "web" exists and cannot be imported into the current release', "--take-ownership"),
        ("helm", "Error: INSTALLATION FAILED: nil pointer evaluating interface {}.b", "show values"),
        ("istioctl", 'Error: failed retrieving: pods "web-1" not found in the "shop" namespace', "get pods -A"),
        (
            "kubectl",
            "Error from server (BadRequest): the server rejected our request for an unknown reason",
            "https://",
        ),
        (
            "helm",
            'Error: kubernetes cluster unreachable: an error on the server ("the server http://10.0.0.1:6443 cannot be '
            'reached: EOF") has prevented the request from succeeding',
            "https://",
        ),
        ("helm", "Error: kubernetes cluster unreachable: the server could not find the requested resource", "path"),
        ("kubectl", "Error from server (NotFound): the server could not find the requested resource", "path"),
        (
            "kubectl",
            "Error from server (Forbidden): delete pods web: the rule strict refuses it (K8S_MCP_SECURITY_MODE): why",
            "mcp-k8s refuses",
        ),
        (
            "argocd",
            "rpc error: code = PermissionDenied desc = Sync ApplicationService: the rule read refuses it: why",
            "mcp-k8s refuses",
        ),
        ("argocd", "Argo CD server address unspecified", "X-Argocd-Server"),
        (
            "argocd",
            r'{"msg":"rpc error: code = Unknown desc = the server https://argocd.invalid cannot be reached: lookup '
            r'argocd.invalid: no such host"}',
            "X-Argocd-Server",
        ),
        (
            "argocd",
            r'{"msg":"rpc error: code = Unknown desc = the server https://10.0.0.1:1 cannot be reached: tls: failed to '
            r'verify certificate: x509: certificate signed by unknown authority"}',
            "--insecure",
        ),
        (
            "argocd",
            r"rpc error: code = Unknown desc = Get \"https://k8s.invalid/apis\": the server https://k8s.invalid cannot "
            "be reached: dial tcp k8s.invalid:443: i/o timeout",
            "`server`",
        ),
        ("istioctl", "Error: unable to find any Istiod instances", "x precheck"),
    ],
)
def test_failure_has_a_hint(tool: str, printed: str, names: str) -> None:
    hint = failure_hints.find(registry.find(tool).failure_hints, printed)

    assert hint is not None
    assert names in hint


@pytest.mark.parametrize("tool", TOOLS)
def test_unknown_failure_has_none(tool: str) -> None:
    assert failure_hints.find(registry.find(tool).failure_hints, "the disk of the moon is full") is None


@pytest.mark.parametrize(("pattern", "hint"), ALL_HINTS)
def test_hint_is_a_sentence_behind_a_valid_pattern(pattern: str, hint: str) -> None:
    re.compile(pattern)
    assert hint.endswith(".")
    assert len(hint) < 300


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in ALL_HINTS])
def test_no_pattern_repeats_anything_without_a_bound(pattern: str) -> None:
    """So that no wording of what is printed makes the search take long."""
    assert not re.search(r"(?<!\\)[*+]|,\}", pattern)
