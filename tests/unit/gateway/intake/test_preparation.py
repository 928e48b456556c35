"""What is checked, chosen and computed before a call may be queued."""

import base64
import json
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.auth import callers
from gateway.intake.preparation import Call, Preparation, PreparedCall
from gateway.policy import active
from shared.effects import Limit
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass, CommandRequest, Lane
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings, SecurityMode
from shared.tools import registry
from shared.tools.awaited import Among, Awaited, Goal
from shared.tools.own_server import OwnServer
from tests.support import kubeconfigs

OTHER_SERVER = "https://other.example:6443"
LOCAL_SERVER = "https://127.0.0.1:6443"


def settings(**changes: Any) -> GatewaySettings:
    return GatewaySettings(master_keys=SecretStr(MasterKeys.generate()), **changes)


async def prepared(
    command: str = "get pods",
    *,
    tool: str = "kubectl",
    headers: dict[str, str] | None = None,
    default: str | None = None,
    kubeconfig: str | None = None,
    with_settings: GatewaySettings | None = None,
    reads_only: bool = False,
    **fields: Any,
) -> PreparedCall:
    """By default `kubectl get pods` with a kubeconfig in the header."""
    sent = {"x-kubeconfig": kubeconfigs.encoded()} if headers is None else headers
    body = CommandRequest(command=command, kubeconfig=kubeconfig, **fields)
    call = Call(registry.find(tool), body, sent, callers.of({}), reads_only=reads_only)
    chosen = with_settings or settings()
    policy = active.load(chosen)
    return await Preparation(chosen, lambda: default, lambda: policy).prepare(call)


async def refusal(command: str = "get pods", **changes: Any) -> ErrorCode:
    with pytest.raises(RequestError) as raised:
        await prepared(command, **changes)
    assert not kubeconfigs.leaks(raised.value.detail)
    return raised.value.code


def server(call: PreparedCall) -> str:
    address: str = json.loads(call.envelope.command.kubeconfig or "")["clusters"][0]["cluster"]["server"]
    return address


def current_context(call: PreparedCall) -> str:
    name: str = json.loads(call.envelope.command.kubeconfig or "")["current-context"]
    return name


@pytest.mark.parametrize(
    ("command", "timeout", "limit_s"),
    [
        pytest.param("get pods", None, 300, id="the setting"),
        pytest.param("get pods", 7, 7, id="the request's own, shorter"),
        pytest.param("get pods", 700, 700, id="the request's own, longer"),
        pytest.param(
            "rollout status deploy/web --timeout=60s", None, 300, id="the setting is longer than the command's"
        ),
        pytest.param("rollout status deploy/web --timeout=10m", None, 630, id="the command's and a margin"),
        pytest.param("rollout status deploy/web --timeout=10m", 20, 20, id="the request's wins over the command's"),
        pytest.param("wait --for=delete pod/web --timeout=9999h", None, 3_600, id="no command beyond the most"),
        pytest.param("get pods", 1e9, 3_600, id="no request beyond the most"),
        pytest.param("rollout status deploy/web --timeout=0s", None, 300, id="no limit means the setting"),
    ],
)
async def test_time_limit(command: str, timeout: float | None, limit_s: float) -> None:
    assert (await prepared(command, timeout=timeout)).envelope.time_limit_s == limit_s


async def test_most_that_an_operator_allows_bounds_the_default_too() -> None:
    assert (await prepared(with_settings=settings(timeout=500, max_timeout=100))).envelope.time_limit_s == 100


async def test_kubeconfig_in_the_header_wins_over_the_one_in_the_body() -> None:
    other = kubeconfigs.text(cluster={"server": OTHER_SERVER})
    assert server(await prepared(kubeconfig=other)) == kubeconfigs.SERVER


async def test_broken_header_is_not_passed_over_for_the_body() -> None:
    code = await refusal(headers={"x-kubeconfig": "%%%"}, kubeconfig=kubeconfigs.text())
    assert code is ErrorCode.KUBECONFIG_ENCODING


@pytest.mark.parametrize("blank", ["", "  "])
async def test_blank_header_is_none(blank: str) -> None:
    call = await prepared(headers={"x-kubeconfig": blank}, kubeconfig=kubeconfigs.text())
    assert server(call) == kubeconfigs.SERVER


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(kubeconfigs.encoded(), id="base64"),
        pytest.param(kubeconfigs.encoded().rstrip("="), id="no padding"),
        pytest.param(base64.encodebytes(kubeconfigs.text().encode()).decode(), id="line wraps"),
        pytest.param(base64.urlsafe_b64encode(kubeconfigs.text().encode()).decode(), id="URL-safe alphabet"),
        pytest.param(kubeconfigs.text(), id="raw"),
    ],
)
async def test_kubeconfig_in_the_body_has_these_forms(sent: str) -> None:
    assert server(await prepared(headers={}, kubeconfig=sent)) == kubeconfigs.SERVER


async def test_raw_kubeconfig_is_not_taken_in_the_header() -> None:
    assert await refusal(headers={"x-kubeconfig": kubeconfigs.text()}) is ErrorCode.KUBECONFIG_ENCODING


async def test_large_kubeconfig_is_rebuilt_as_a_small_one() -> None:
    """It is parsed in a thread, beside the event loop."""
    many = [{"name": f"c{number}", "cluster": {"server": OTHER_SERVER}} for number in range(2_000)]
    own = {"name": "canary-cluster", "cluster": {"server": kubeconfigs.SERVER}}
    call = await prepared(headers={}, kubeconfig=kubeconfigs.text(clusters=[*many, own]))
    assert server(call) == kubeconfigs.SERVER
    assert OTHER_SERVER not in (call.envelope.command.kubeconfig or "")


async def test_command_that_needs_a_cluster_needs_a_kubeconfig() -> None:
    assert await refusal(headers={}) is ErrorCode.KUBECONFIG_REQUIRED


async def test_command_that_needs_no_cluster_needs_no_kubeconfig() -> None:
    call = await prepared("version --client", headers={})
    assert call.envelope.command.kubeconfig is None
    assert call.invocation.command_class is CommandClass.LOCAL


@pytest.mark.parametrize(
    ("fields", "setting", "context"),
    [
        pytest.param({}, None, "here", id="the current one"),
        pytest.param({"context": "there"}, None, "there", id="the request's"),
        pytest.param({"command": "get pods --context there"}, None, "there", id="the command's"),
        pytest.param({}, "there", "there", id="the operator's"),
        pytest.param({"context": "here"}, "there", "here", id="the request's wins over the operator's"),
    ],
)
async def test_context(fields: dict[str, Any], setting: str | None, context: str) -> None:
    assert current_context(await prepared(with_settings=settings(default_context=setting), **fields)) == context


async def test_unknown_context_is_refused() -> None:
    assert await refusal(context="nowhere") is ErrorCode.CONTEXT_UNKNOWN


@pytest.mark.parametrize(
    ("mode", "command", "code"),
    [
        (SecurityMode.READ_ONLY, "get pods", None),
        (SecurityMode.READ_ONLY, "version --client", None),
        (SecurityMode.READ_ONLY, "delete pod web", ErrorCode.POLICY_DENIED),
        (SecurityMode.READ_ONLY, "-n x delete pod web", ErrorCode.POLICY_DENIED),
        (SecurityMode.READ_ONLY, "apply -f -", ErrorCode.POLICY_DENIED),
        (SecurityMode.READ_ONLY, "create token default", ErrorCode.POLICY_DENIED),
        (SecurityMode.READ_ONLY, "exec web -- ls", ErrorCode.POLICY_DENIED),
        (SecurityMode.READ_ONLY, "some-plugin", ErrorCode.POLICY_DENIED),
        (SecurityMode.STRICT, "delete pod web", None),
        (SecurityMode.PERMISSIVE, "delete pod web", None),
    ],
)
async def test_read_only_mode_runs_only_what_changes_nothing(
    mode: SecurityMode, command: str, code: ErrorCode | None
) -> None:
    read_only = settings(security_mode=mode)
    if code is None:
        assert (await prepared(command, with_settings=read_only)).caller.is_anonymous
    else:
        assert await refusal(command, with_settings=read_only) is code


async def test_default_kubeconfig_serves_requests_without_one() -> None:
    default = kubeconfigs.text(cluster={"server": OTHER_SERVER})
    assert server(await prepared(headers={}, default=default)) == OTHER_SERVER


async def test_callers_kubeconfig_wins_over_the_default() -> None:
    default = kubeconfigs.text(cluster={"server": OTHER_SERVER})
    assert server(await prepared(default=default)) == kubeconfigs.SERVER


@pytest.mark.parametrize("allowed", [True, False])
async def test_cluster_on_this_machine_is_taken_where_the_operator_allows_it(allowed: bool) -> None:
    sent = kubeconfigs.text(cluster={"server": LOCAL_SERVER})
    setting = settings(allow_loopback=allowed)
    if allowed:
        assert server(await prepared(headers={}, kubeconfig=sent, with_settings=setting)) == LOCAL_SERVER
    else:
        code = await refusal(headers={}, kubeconfig=sent, with_settings=setting)
        assert code is ErrorCode.KUBECONFIG_FIELD_REFUSED


async def test_argocd_takes_server_and_token_instead_of_a_kubeconfig() -> None:
    headers = {"x-argocd-server": "argocd.example", "x-argocd-auth-token": "token"}
    call = await prepared("app list", tool="argocd", headers=headers)
    assert call.envelope.command.credentials == {"ARGOCD_SERVER": "argocd.example", "ARGOCD_AUTH_TOKEN": "token"}
    assert call.envelope.command.kubeconfig is None


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("169.254.169.254:80", "metadata"),
        ("[fe80::1]:443", "link-local"),
        ("127.0.0.1:6379", "loopback"),
        ("0x7f000001", "unusual spelling"),
        ("argocd.example:99999", "not a valid server"),
        ("argocd.example:\N{SUPERSCRIPT TWO}", "ASCII"),
        ("argocd.example/api", "not a valid server"),
        ("user@argocd.example", "not a valid server"),
        ("https://argocd.example", "not a valid server"),
    ],
)
async def test_argocd_server_is_judged_as_a_clusters_address_is(server: str, told: str) -> None:
    headers = {"x-argocd-server": server, "x-argocd-auth-token": "token"}
    with pytest.raises(RequestError) as refused:
        await prepared("app list", tool="argocd", headers=headers)
    assert refused.value.code is ErrorCode.CREDENTIALS_INVALID
    assert told in refused.value.detail
    assert "argocd.example" not in refused.value.detail


async def test_argocd_without_either_is_told_what_is_missing() -> None:
    assert await refusal("app list", tool="argocd", headers={}) is ErrorCode.KUBECONFIG_REQUIRED


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x1b[2Jb"])
async def test_credential_with_control_characters_is_refused(value: str) -> None:
    code = await refusal("app list", tool="argocd", headers={"x-argocd-auth-token": value})
    assert code is ErrorCode.CREDENTIALS_INVALID


async def test_credentials_of_another_tool_are_not_handed_over() -> None:
    headers = {"x-kubeconfig": kubeconfigs.encoded(), "x-argocd-auth-token": "token"}
    assert (await prepared(headers=headers)).envelope.command.credentials == {}


async def test_secrets_are_in_no_repr() -> None:
    call = await prepared(stdin="canary-stdin", files={"values.yaml": "canary-file"})
    assert not kubeconfigs.leaks(repr(call))
    assert "canary" not in repr(call)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "", "."])
async def test_file_name_that_leads_elsewhere_is_refused(name: str) -> None:
    assert await refusal(files={name: "text"}) is ErrorCode.FILES_INVALID


@pytest.mark.parametrize(
    ("command", "namespace", "arguments"),
    [
        pytest.param("get pods", None, ("--namespace=lent", "get", "pods"), id="the operator's"),
        pytest.param("get pods", "mine", ("--namespace=mine", "get", "pods"), id="the request's"),
        pytest.param("get pods -n mine", None, ("get", "pods", "-n", "mine"), id="the command's"),
    ],
)
async def test_namespace(command: str, namespace: str | None, arguments: tuple[str, ...]) -> None:
    call = await prepared(command, namespace=namespace, with_settings=settings(default_namespace="lent"))
    assert call.envelope.command.arguments == arguments


async def test_filters_are_sealed_beside_the_command() -> None:
    call = await prepared("get pods | grep -v web | wc -l")
    assert call.envelope.command.arguments == ("get", "pods")
    assert call.envelope.command.filters == (("grep", "-v", "web"), ("wc", "-l"))


async def test_lane_is_that_of_the_class() -> None:
    call = await prepared("create token web", with_settings=settings(security_mode=SecurityMode.PERMISSIVE))

    assert (call.invocation.command_class, call.invocation.lane) == (CommandClass.CREDENTIAL, Lane.SLOW)


WAITING = "rollout status deploy/web"


async def test_worker_is_told_what_a_command_waits_for() -> None:
    assert (await prepared(WAITING)).envelope.awaited == Awaited(Goal.READY, Among.READ)


async def test_command_that_waits_for_nothing_is_not_looked_at() -> None:
    assert (await prepared()).envelope.awaited is None


TO_HEADERS = OwnServer(headers=(("X-Team", "a"), ("X-Way", "b"), ("X-More", "c")))


@pytest.mark.parametrize(("flag", "server"), [("--core", None), ("--core=false", OwnServer())])
async def test_flag_that_is_switched_off_is_as_good_as_not_given(flag: str, server: OwnServer | None) -> None:
    command = (await prepared(f"app list {flag}", tool="argocd")).envelope.command
    assert (command.own_server, command.listens) == (server, server is None)


@pytest.mark.parametrize(
    ("flags", "server"),
    [
        ("", OwnServer()),
        ("--insecure --grpc-web", OwnServer(skips_verification=True)),
        ("--grpc-web-root-path /argo/ --plaintext", OwnServer("http", "/argo")),
        ("--header 'X-Team: a,X-Way:b' -H X-More:c", TO_HEADERS),
        ("--grpc-web-root-path=argo --insecure=false --plaintext=false", OwnServer("https", "/argo")),
    ],
)
async def test_flags_about_the_connection_are_sealed_and_not_given_to_argocd(flags: str, server: OwnServer) -> None:
    command = (await prepared(f"app list {flags} -o name", tool="argocd")).envelope.command
    assert command.own_server == server
    shown = [word for word in command.arguments if "X-" not in word and "header" not in word and word != "-H"]
    assert shown == ["app", "list", "-o", "name"]


@pytest.mark.parametrize(
    "header", ["Authorization: Bearer x", "token:x", "Cookie: argocd.token=x", "X-Remote-User: x", "Host: x", "x", ":x"]
)
async def test_header_that_names_the_caller_is_refused(header: str) -> None:
    assert await refusal(f"app list --header '{header}'", tool="argocd") is ErrorCode.FLAG_REFUSED


async def test_word_after_the_flags_is_given_to_argocd_as_it_is() -> None:
    command = (await prepared("app get --plaintext -- --insecure", tool="argocd")).envelope.command
    assert (command.own_server, command.arguments) == (OwnServer("http"), ("app", "get", "--", "--insecure"))


@pytest.mark.parametrize("mode", list(SecurityMode))
@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("kubectl", "get pods"),
        ("kubectl", "diff -f -"),
        ("kubectl", "apply -f - --dry-run=server"),
        ("helm", "template x ./chart"),
        ("istioctl", "analyze"),
    ],
)
async def test_command_that_may_only_read_gets_no_more_in_any_mode(tool: str, command: str, mode: SecurityMode) -> None:
    call = await prepared(command, tool=tool, with_settings=settings(security_mode=mode), reads_only=True)

    assert call.envelope.command_class.changes_nothing
    assert call.envelope.command.effects.limit is Limit.READ
    assert not call.envelope.command.effects.tunnels


@pytest.mark.parametrize(
    ("tool", "command", "says"),
    [
        ("kubectl", "delete pod x", "`delete` is a destructive command"),
        ("kubectl", "apply -f -", "`apply` is a write command"),
        ("kubectl", "frobnicate", "`frobnicate` is a write command"),
        ("kubectl", "get pods --frobnicate", "`get` is a write command"),
        ("kubectl", "create token x", "`create token` is a credential command"),
        ("helm", "install x ./chart", "call the tool helm"),
        ("argocd", "app sync web", "call the tool argocd"),
        ("istioctl", "proxy-config routes x", "`proxy-config route` opens a tunnel"),
    ],
)
async def test_command_that_would_change_something_is_referred_to_its_own_tool(
    tool: str, command: str, says: str
) -> None:
    with pytest.raises(RequestError, match=f"(?i){says}") as raised:
        await prepared(
            command, tool=tool, with_settings=settings(security_mode=SecurityMode.PERMISSIVE), reads_only=True
        )
    assert raised.value.code is ErrorCode.POLICY_DENIED


async def test_policy_speaks_first_about_a_command_that_may_only_read() -> None:
    with pytest.raises(RequestError, match="read-only"):
        await prepared("delete pod x", with_settings=settings(security_mode=SecurityMode.READ_ONLY), reads_only=True)


async def test_change_is_referred_even_where_nothing_is_refused_early() -> None:
    """`helm push` writes to a registry, where no door sees it."""
    late = settings(refuse_early=False)

    assert await refusal("delete pod x", with_settings=late, reads_only=True) == "policy-denied"
    assert await refusal("push a.tgz oci://r.example/x", tool="helm", with_settings=late, reads_only=True) == (
        "policy-denied"
    )
