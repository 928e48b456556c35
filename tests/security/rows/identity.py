"""Another identity or another server than the kubeconfig's; and the worker's own, where a caller brings none."""

from tests.security.attack import Attack, End, contained, refused

_ELSEWHERE = "https://@ELSEWHERE@"


def _nobody(name: str, command: str, tool: str = "kubectl", below: End | None = End.FAILED) -> Attack:
    return Attack(f"nobodys-{name}", command, tool, below=below, has_kubeconfig=False)


def _acting_as(tool: str = "kubectl", **commands: str) -> tuple[Attack, ...]:
    """Only the API server objects in `permissive`, which decides who may take another identity."""
    return tuple(
        Attack(name.replace("_", "-"), text, tool, permissive=End.HARMLESS, below=None)
        for name, text in commands.items()
    )


ROWS = (
    *refused(
        below=End.FAILED,
        kubeconfig="--kubeconfig=@HOME@/.kube/config get secrets",
        kubeconfig_of_root="--kubeconfig=/root/.kube/config get secrets",
        kubeconfig_behind="get secrets --kubeconfig @HOME@/.kube/config",
        kubeconfig_in_quotes="get secrets --kube'config'=@HOME@/.kube/config",
        kubeconfig_behind_a_backslash="get secrets --kube\\config=@HOME@/.kube/config",
        kubeconfig_repeated="get secrets --kubeconfig=a --kubeconfig=@HOME@/.kube/config",
        certificate="get pods --client-certificate=@FOLDER@/token --client-key=@FOLDER@/token",
        certificate_underscore="get pods --client_certificate=@FOLDER@/token --client_key=@FOLDER@/token",
        authority="get pods --certificate-authority=@FOLDER@/token",
        server_of_ours="get pods --server=http://@INSIDE@ --insecure-skip-tls-verify=true",
        server_of_ours_short="get pods -s http://@INSIDE@",
    ),
    *refused(
        below=None,  # what the caller sends is sent, and the caller's own rights decide
        server=f"get pods --server={_ELSEWHERE} --insecure-skip-tls-verify=true",
        server_alone=f"get pods --server={_ELSEWHERE}",
        server_without_tls="get pods --server=http://@ELSEWHERE@",
        server_as_word=f"get pods --server {_ELSEWHERE} --insecure-skip-tls-verify",
        server_before_the_verb=f"--server={_ELSEWHERE} get pods",
        server_short="get pods -s http://@ELSEWHERE@",
        server_short_glued="get pods -shttp://@ELSEWHERE@",
        server_short_equals="get pods -s=http://@ELSEWHERE@",
        server_in_a_cluster="get pods -As http://@ELSEWHERE@",
        server_in_a_cluster_glued="get pods -Ashttp://@ELSEWHERE@",
        server_behind_follow="logs -fs http://@ELSEWHERE@ web-1",
        server_in_quotes="get pods '--server=http://@ELSEWHERE@'",
        server_in_many_quotes="get pods -\"-ser\"'ver'=http://@ELSEWHERE@",
        server_behind_tabs="get pods\t--server\thttp://@ELSEWHERE@",
        server_behind_a_line_break="get pods \\\n--server=http://@ELSEWHERE@",
        server_repeated="get pods --server= --server=http://@ELSEWHERE@",
        server_as_the_value_of_another="get pods -l --server=http://@ELSEWHERE@",
        server_behind_an_unknown_flag="get pods --what --server=http://@ELSEWHERE@",
        server_behind_a_false_terminator="get pods -l -- --server=http://@ELSEWHERE@",
        server_of_one_command="config set-cluster test --server=http://@ELSEWHERE@",
        server_by_proxy="get pods --proxy-url=http://@ELSEWHERE@",
        no_verification="get pods --insecure-skip-tls-verify",
        no_verification_underscore="get pods --insecure_skip_tls_verify=true",
        name_of_the_server="get pods --tls-server-name=evil.example",
        token="get secrets --token=x",
        token_as_word="get secrets --token x",
        token_in_quotes="get secrets --to'k'en=x",
        token_behind="get secrets -A --token=x",
        user="get secrets --user=admin",
        cluster="get secrets --cluster=admin",
        password="get secrets --username=admin --password=x",
        credentials_of_a_program="config set-credentials tester --exec-command=@PROGRAM@",
        context_that_is_made_up="get pods --context=admin",
    ),
    *_acting_as(
        impersonation="get secrets --as=admin",
        impersonation_as_word="get secrets --as admin",
        impersonation_in_quotes="get secrets '--as'=admin",
        group="get secrets --as=x --as-group=system:masters",
        group_underscore="get secrets --as=x --as_group=system:masters",
        identity="get secrets --as=x --as-uid=0",
        extra="get secrets --as=x --as-user-extra=scopes=all",
    ),
    *_acting_as(
        "helm",
        impersonation="list --kube-as-user=admin",
        group="list --kube-as-user=x --kube-as-group=system:masters",
    ),
    Attack("flag-in-upper-case", f"get pods --SERVER={_ELSEWHERE}", permissive=End.FAILED),
    Attack("flag-abbreviated", f"get pods --serve={_ELSEWHERE}", permissive=End.FAILED),
    Attack("flag-with-one-dash", "get pods -server=http://@ELSEWHERE@", below=None),
    contained("server-as-a-name", f"get pods -- --server={_ELSEWHERE}"),
    Attack(
        "server-as-a-name-in-quotes", f"get pods '--' '--server={_ELSEWHERE}'", strict=End.FAILED, permissive=End.FAILED
    ),
    contained("token-as-a-name", "delete pod -- --token=x"),
    *refused(
        "helm",
        None,
        server=f"list --kube-apiserver={_ELSEWHERE}",
        server_before_the_verb=f"--kube-apiserver={_ELSEWHERE} list",
        server_with_a_token=f"list --kube-apiserver {_ELSEWHERE} --kube-token x --kube-insecure-skip-tls-verify",
        token="list --kube-token x",
        name_of_the_server="list --kube-tls-server-name=evil.example",
    ),
    *refused("helm", End.FAILED, kubeconfig="list --kubeconfig=@HOME@/.kube/config"),
    _nobody("get", "get secrets"),
    _nobody("all", "get secrets -A -o yaml"),
    _nobody("raw", "get --raw /api"),
    _nobody("apply", "apply -f -"),
    _nobody("permissions", "auth can-i --list"),
    _nobody("identity", "auth whoami"),
    _nobody("version", "version"),
    _nobody("releases", "list", "helm"),
    _nobody("release", "install x oci://@INSIDE@/x", "helm"),
    _nobody("mesh", "proxy-status", "istioctl", below=None),
    _nobody("applications", "app list --core", "argocd"),
    _nobody("applications-of-the-worker", "app list", "argocd"),
)
