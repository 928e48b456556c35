import base64
import json
import traceback
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ErrorCode, RequestError
from shared.kubeconfig import cluster_access
from shared.kubeconfig.cluster_access import ClusterAccess

SECRET = "hunter2"
DATA = base64.b64encode(SECRET.encode()).decode()


def config(**changes: Any) -> dict[str, Any]:
    """Two contexts; `cluster`, `user` and `context` add fields to those of the current one, the rest replaces."""
    whole: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": "dev",
        "contexts": [
            {"name": "prod", "context": {"cluster": "prod", "user": "prod"}},
            {"name": "dev", "context": {"cluster": "dev", "user": "me", **changes.pop("context", {})}},
        ],
        "clusters": [
            {"name": "dev", "cluster": {"server": "https://dev.example:6443", **changes.pop("cluster", {})}},
            {"name": "prod", "cluster": {"server": "https://prod.example", "proxy-url": "socks5://x"}},
        ],
        "users": [
            {"name": "prod", "user": {"exec": {"command": "aws"}}},
            {"name": "me", "user": {"token": SECRET, **changes.pop("user", {})}},
        ],
    }
    return whole | changes


def rebuild(document: object, *, context: str | None = None, allow_loopback: bool = False) -> ClusterAccess:
    text = document if isinstance(document, str) else json.dumps(document)
    return cluster_access.rebuild(text, context=context, allow_loopback=allow_loopback)


def refuse(document: object, **options: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        rebuild(document, **options)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert DATA not in caught.value.detail
    return caught.value


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_cluster_is_reached_through_our_proxy_where_there_is_one() -> None:
    access = cluster_access.rebuild(json.dumps(config()), context=None, allow_loopback=False, proxy_url="socks5://ours")

    [cluster] = json.loads(access.kubeconfig)["clusters"]
    assert cluster["cluster"]["proxy-url"] == "socks5://ours"
    assert "ours" not in repr(access)


def test_rebuilt_kubeconfig_holds_the_current_context_alone() -> None:
    access = rebuild(config(context={"namespace": "shop"}, cluster={"certificate-authority-data": DATA}))
    assert (access.context, access.host, access.port) == ("dev", "dev.example", 6443)
    assert json.loads(access.kubeconfig) == {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dev",
        "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "me", "namespace": "shop"}}],
        "clusters": [
            {"name": "dev", "cluster": {"server": "https://dev.example:6443", "certificate-authority-data": DATA}}
        ],
        "users": [{"name": "me", "user": {"token": SECRET}}],
    }


def test_yaml_is_rebuilt_as_json_is() -> None:
    assert rebuild(yaml.safe_dump(config())) == rebuild(config())


def test_what_was_rebuilt_is_rebuilt_to_the_same() -> None:
    access = rebuild(config(context={"namespace": "shop"}))
    assert rebuild(access.kubeconfig) == access


def test_repr_shows_no_secret() -> None:
    assert SECRET not in repr(rebuild(config()))


def test_context_field_picks_another_context() -> None:
    error = refuse(config(), context="prod")
    assert error.code is ErrorCode.KUBECONFIG_FIELD_REFUSED
    assert rebuild(config(), context="dev").context == "dev"


def test_context_without_user_is_anonymous() -> None:
    assert json.loads(rebuild(config(context={"user": ""})).kubeconfig)["users"] == []


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        pytest.param({"cluster": {"insecure-skip-tls-verify": True}}, True, id="insecure"),
        pytest.param({"cluster": {"tls-server-name": "x.example"}}, True, id="tls-server-name"),
        pytest.param({"user": {"client-certificate-data": DATA, "client-key-data": DATA}}, True, id="certificate"),
        pytest.param({"user": {"username": "a", "password": "b"}}, True, id="password"),
        pytest.param({"cluster": {"extensions": [{"name": "minikube"}]}}, False, id="extensions"),
        pytest.param({"user": {"exec": None, "as": "", "as-groups": []}}, False, id="empty-refused-fields"),
    ],
)
def test_fields_on_the_allow_list_are_kept(changes: dict[str, Any], taken: bool) -> None:
    ((section, fields),) = changes.items()
    text = rebuild(config(**changes)).kubeconfig
    assert all((f'"{name}"' in text) == taken for name in fields), section


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"user": {"exec": {"command": SECRET}}}, "users[1].user.exec", id="exec"),
        pytest.param({"user": {"exec": {}}}, "users[1].user.exec", id="exec-empty"),
        pytest.param(
            {"user": {"auth-provider": {"config": {"cmd-path": SECRET}}}}, "users[1].user.auth-provider", id="provider"
        ),
        pytest.param({"user": {"tokenFile": f"/{SECRET}"}}, "users[1].user.tokenFile", id="token-file"),
        pytest.param({"user": {"client-certificate": SECRET}}, "users[1].user.client-certificate", id="certificate"),
        pytest.param({"user": {"client-key": SECRET}}, "users[1].user.client-key", id="key"),
        pytest.param({"user": {"as": "admin"}}, "users[1].user.as", id="as"),
        pytest.param({"user": {"as-groups": ["system:masters"]}}, "users[1].user.as-groups", id="as-groups"),
        pytest.param({"user": {SECRET: "x"}}, "users[1].user", id="unknown-field"),
        pytest.param(
            {"cluster": {"certificate-authority": SECRET}}, "clusters[0].cluster.certificate-authority", id="authority"
        ),
        pytest.param({"cluster": {"proxy-url": f"http://{SECRET}"}}, "clusters[0].cluster.proxy-url", id="proxy"),
        pytest.param({"cluster": {"server": "http://169.254.169.254"}}, "clusters[0].cluster.server", id="metadata"),
        pytest.param({"cluster": {"server": "https://127.0.0.1:6379"}}, "clusters[0].cluster.server", id="loopback"),
        pytest.param({"cluster": {"server": "https://2130706433"}}, "clusters[0].cluster.server", id="decimal"),
    ],
)
def test_refused_field_is_named_by_its_path(changes: dict[str, Any], path: str) -> None:
    error = refuse(config(**changes))
    assert error.code is ErrorCode.KUBECONFIG_FIELD_REFUSED
    assert f"{path} " in error.detail


def test_loopback_is_taken_where_it_is_allowed() -> None:
    access = rebuild(config(cluster={"server": "https://localhost:6443"}), allow_loopback=True)
    assert (access.host, access.port) == ("localhost", 6443)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(SECRET, id="text"),
        pytest.param([SECRET], id="list"),
        pytest.param("a: *b", id="alias"),
        pytest.param({"kind": "Secret", "clusters": [1]}, id="other-kind"),
        pytest.param(config(clusters=[]), id="no-clusters"),
        pytest.param(config(clusters={"a": 1}), id="clusters-is-a-mapping"),
        pytest.param(config(contexts=SECRET), id="contexts-is-text"),
        pytest.param(config(**{"current-context": ""}), id="no-current-context"),
        pytest.param(config(context={"cluster": ""}), id="no-cluster-in-context"),
        pytest.param(config(context={"cluster": SECRET}), id="cluster-that-is-not-there"),
        pytest.param(config(context={"user": SECRET}), id="user-that-is-not-there"),
        pytest.param(config(context={"namespace": "a\nb"}), id="newline-in-namespace"),
        pytest.param(config(cluster={"server": SECRET}), id="server-is-no-url"),
        pytest.param(config(cluster={"server": f"https://{SECRET}@x.example"}), id="server-with-userinfo"),
        pytest.param(config(cluster={"server": 6443}), id="server-is-a-number"),
        pytest.param(config(cluster={"server": ""}), id="no-server"),
        pytest.param(config(cluster={"certificate-authority-data": f"-----{SECRET}"}), id="data-is-not-base64"),
        pytest.param(config(cluster={"certificate-authority-data": "é"}), id="data-is-not-ascii"),
        pytest.param(config(cluster={"insecure-skip-tls-verify": SECRET}), id="switch-is-text"),
        pytest.param(config(user={"token": f"{SECRET}\n"}), id="newline-in-token"),
        pytest.param(config(user={"token": [SECRET]}), id="token-is-a-list"),
        pytest.param(config(user={"token": "\ud800"}), id="token-is-a-surrogate"),
        pytest.param(config(users=[{"name": "me", "user": SECRET}]), id="user-is-text"),
        pytest.param(config(users=[{"name": "me", "user": {}}] * 2), id="user-twice"),
        pytest.param(config(user={"token": "a" * 65_537}), id="token-is-too-long"),
    ],
)
def test_what_is_no_usable_kubeconfig_is_refused(document: object) -> None:
    assert refuse(document).code is ErrorCode.KUBECONFIG_INVALID


def test_names_with_terminal_escapes_are_refused_and_not_shown() -> None:
    name = "a\x1b[31m\n"
    context = {"name": name, "context": {"cluster": "dev", "user": "me"}}
    error = refuse(config(contexts=[context], **{"current-context": name}))
    assert error.code is ErrorCode.KUBECONFIG_INVALID
    assert error.detail.isprintable()
    assert refuse(config(contexts=[context])).detail.isprintable()


def test_unknown_context_is_refused_with_those_that_there_are() -> None:
    error = refuse(config(), context="staging")
    assert error.code is ErrorCode.CONTEXT_UNKNOWN
    assert "prod, dev" in error.detail
    assert "staging" not in error.detail


def test_current_context_that_does_not_exist_is_an_unknown_context() -> None:
    error = refuse(config(**{"current-context": "staging"}))
    assert error.code is ErrorCode.CONTEXT_UNKNOWN
    assert "prod, dev" in error.detail


def test_list_of_contexts_has_an_end() -> None:
    contexts = [{"name": f"{'x' * 200}{index}", "context": {}} for index in range(100)]
    error = refuse(config(contexts=contexts))
    assert "and 80 more" in error.detail
    assert len(error.detail) < 2_000


YAML_TEXT = yaml.safe_dump(config())


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(encode(YAML_TEXT), id="plain"),
        pytest.param(base64.encodebytes(YAML_TEXT.encode()).decode(), id="line-wraps"),
        pytest.param(encode(YAML_TEXT).replace("\n", "\r\n").rstrip("="), id="no-padding"),
        pytest.param(base64.urlsafe_b64encode(YAML_TEXT.encode()).decode(), id="url-safe"),
        pytest.param(encode("\ufeff" + YAML_TEXT), id="byte-order-mark"),
    ],
)
def test_base64_is_decoded_however_it_is_wrapped(sent: str) -> None:
    assert cluster_access.decode(sent, allow_yaml=False) == YAML_TEXT


@given(st.text(min_size=1), st.integers(1, 100))
def test_base64_of_any_text_comes_back(text: str, width: int) -> None:
    text = f"kind: {text}"
    encoded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    wrapped = "\n".join(encoded[start : start + width] for start in range(0, len(encoded), width))
    assert cluster_access.decode(wrapped, allow_yaml=False) == text


def test_raw_yaml_and_json_are_taken_where_they_are_allowed() -> None:
    for text in (YAML_TEXT, json.dumps(config())):
        assert cluster_access.decode(text, allow_yaml=True) == text
        with pytest.raises(RequestError) as caught:
            cluster_access.decode(text, allow_yaml=False)
        assert caught.value.code is ErrorCode.KUBECONFIG_ENCODING


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param("", ErrorCode.KUBECONFIG_ENCODING, id="empty"),
        pytest.param("a", ErrorCode.KUBECONFIG_ENCODING, id="one-letter"),
        pytest.param("no base64!", ErrorCode.KUBECONFIG_ENCODING, id="neither"),
        pytest.param(encode(encode(YAML_TEXT)), ErrorCode.KUBECONFIG_ENCODING, id="twice"),
        pytest.param(base64.b64encode(b"kind: \xff").decode(), ErrorCode.KUBECONFIG_ENCODING, id="no-utf-8"),
        pytest.param(encode("kind: " + "x" * 1_100_000), ErrorCode.KUBECONFIG_INVALID, id="too-large"),
        pytest.param("kind: " + "x" * 1_100_000, ErrorCode.KUBECONFIG_INVALID, id="too-large-raw"),
        pytest.param("kind: " + "x" * 50_000_000, ErrorCode.KUBECONFIG_INVALID, id="fifty-megabytes"),
    ],
)
def test_what_cannot_be_decoded_is_refused(sent: str, code: ErrorCode) -> None:
    with pytest.raises(RequestError) as caught:
        cluster_access.decode(sent, allow_yaml=True)
    assert caught.value.code is code
    assert caught.value.__context__ is None
