from typing import Any

import pytest

from shared.command import parser
from shared.command.invocation import Invocation
from shared.errors import ErrorCode, RequestError
from shared.tools import registry


def parse(text: str, **fields: Any) -> Invocation:
    """Reads a command that names its tool."""
    return parser.parse(registry.find(text.split(maxsplit=1)[0]), text, **fields)


def refuse(text: str, **fields: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(text, **fields)
    return caught.value


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        pytest.param("helm ls", ("list",), id="alias"),
        pytest.param("istioctl pc routes x", ("proxy-config", "route"), id="alias-below-an-alias"),
        pytest.param("kubectl create -f x.yaml", ("create",), id="group-with-a-meaning-of-its-own"),
        pytest.param("kubectl create cm x", ("create", "configmap"), id="alias-below-a-group"),
        pytest.param("kubectl get get", ("get",), id="operand-named-as-the-verb"),
        pytest.param("kubectl --help", ("help",), id="none"),
    ],
)
def test_verb_is_the_canonical_path(text: str, verb: tuple[str, ...]) -> None:
    assert parse(text).verb == verb


@pytest.mark.parametrize(
    ("text", "timeout_s"),
    [
        pytest.param("helm upgrade x y --wait --timeout 10m", 600, id="go-duration"),
        pytest.param("helm upgrade x y --wait --timeout=1h5m3.5s", 3903.5, id="compound"),
        pytest.param("helm upgrade x y --timeout 300ms", 0.3, id="milliseconds"),
        pytest.param("argocd app sync x --timeout 90", 90, id="seconds"),
        pytest.param("helm upgrade x y --timeout 1m --timeout 2m", 120, id="last-one-counts"),
        pytest.param("helm upgrade x y --wait", 300, id="default-of-helm"),
        pytest.param("helm upgrade x y --wait=false", None, id="no-wait"),
        pytest.param("helm test x", 300, id="verb-that-waits"),
        pytest.param("helm upgrade x y", None, id="none"),
        pytest.param("kubectl wait --timeout=0 pod/x", None, id="zero"),
        pytest.param("kubectl wait --timeout=-1s pod/x", None, id="negative"),
        pytest.param("kubectl wait --timeout=9999h pod/x", 9999 * 3600, id="very-long"),
    ],
)
def test_own_timeout_is_what_the_command_may_wait(text: str, timeout_s: float | None) -> None:
    assert parse(text).own_timeout_s == (pytest.approx(timeout_s) if timeout_s is not None else None)


@pytest.mark.parametrize(
    ("text", "is_endless"),
    [
        ("kubectl get pods -w", True),
        ("kubectl get pods --watch", True),
        ("kubectl get pods --watch-only -n shop", True),
        ("kubectl logs -f web", True),
        ("kubectl logs --follow=true web", True),
        ("kubectl events --watch", True),
        ("argocd app logs web -f", True),
        ("kubectl get pods", False),
        ("kubectl get pods --watch=false", False),
        ("kubectl apply -f x.yaml", False),
        ("kubectl rollout status deploy/web -w", False),
        ("kubectl wait --for=condition=Ready pod/web", False),
        ("helm install web ./web --wait", False),
    ],
)
def test_command_that_only_its_time_limit_ends_is_known(text: str, *, is_endless: bool) -> None:
    assert parse(text).is_endless is is_endless


def test_tool_name_is_dropped_once() -> None:
    assert parse("kubectl kubectl").arguments == ("kubectl",)


def test_tool_name_alone_is_an_empty_command() -> None:
    assert refuse("kubectl").code is ErrorCode.COMMAND_EMPTY


def test_namespace_field_becomes_the_first_argument() -> None:
    assert parse("kubectl get pods", namespace="x").arguments == ("--namespace=x", "get", "pods")


@pytest.mark.parametrize(
    "spelling",
    ["-n x", "-nx", "-n=x", "--namespace x", "--namespace=x", "-n x --namespace=x"],
)
def test_namespace_in_the_command_is_left_where_it_is(spelling: str) -> None:
    text = f"kubectl get pods {spelling}"
    assert parse(text, namespace="x").arguments == tuple(text.split()[1:])
    assert parse(text, default_namespace="y").arguments == tuple(text.split()[1:])
    assert refuse(text, namespace="y").code is ErrorCode.NAMESPACE_CONFLICT


def test_two_namespaces_in_one_command_are_refused() -> None:
    assert refuse("kubectl get pods -n x --namespace=y").code is ErrorCode.NAMESPACE_CONFLICT


def test_namespace_after_the_terminator_is_the_programs_own() -> None:
    arguments = parse("kubectl exec p -- env -n y", namespace="x").arguments
    assert arguments == ("--namespace=x", "exec", "p", "--", "env", "-n", "y")


def test_default_namespace_gives_way_to_the_field() -> None:
    assert parse("kubectl get pods", namespace="x", default_namespace="y").arguments[0] == "--namespace=x"
    assert parse("kubectl get pods", default_namespace="y").arguments[0] == "--namespace=y"


def test_tool_without_the_flag_gets_no_namespace() -> None:
    assert parse("argocd app list", namespace="x", default_namespace="y").arguments == ("app", "list")


def test_all_namespaces_are_left_alone() -> None:
    assert parse("kubectl get pods -A", namespace="x").arguments == ("--namespace=x", "get", "pods", "-A")


@pytest.mark.parametrize(
    ("text", "field", "context"),
    [
        pytest.param("kubectl get pods", None, None, id="none"),
        pytest.param("kubectl get pods", "a", "a", id="field"),
        pytest.param("kubectl --context=a get pods", None, "a", id="flag"),
        pytest.param("kubectl --context a get pods", "a", "a", id="both"),
        pytest.param("helm --kube-context a list", None, "a", id="helm"),
    ],
)
def test_context_comes_from_field_or_flag(text: str, field: str | None, context: str | None) -> None:
    assert parse(text, context=field).context == context


def test_two_contexts_are_refused() -> None:
    assert refuse("kubectl get pods --context=a", context="b").code is ErrorCode.CONTEXT_CONFLICT
    assert refuse("kubectl get pods --context=a --context=b").code is ErrorCode.CONTEXT_CONFLICT
