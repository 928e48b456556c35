"""argocd: verbs, flags and what is refused. Read off the reference pages of v3.5.7.

It reaches its server with a credential channel of its own, or the cluster alone with `--core`.
"""

from shared.models import CommandClass
from shared.tools import failure_hints, kubectl
from shared.tools.failure_hints import FailureHint
from shared.tools.tool import Grammar, Tool

_READ = {
    "account": "can-i get get-user-info list",
    "app": "diff get get-resource history list logs manifests resources wait",
    "app actions": "list",
    "appset": "generate get list",
    "cert": "list",
    "cluster": "get list",
    "gpg": "get list",
    "proj": "get list",
    "proj role": "get list list-tokens",
    "proj source-integrity git policies": "list",
    "proj windows": "list",
    "repo": "get list",
    "repocreds": "list",
}
_WRITE = {
    "account": "update-password",
    "app": "add-source create patch patch-resource remove-source rollback set sync terminate-op unset",
    "app actions": "run",
    "appset": "create",
    "cert": "add-ssh add-tls",
    "cluster": "add rotate-auth set",
    "gpg": "add",
    "proj": "add-destination add-destination-service-account add-orphaned-ignore add-signature-key add-source "
    "add-source-namespace allow-cluster-resource allow-namespace-resource create deny-cluster-resource "
    "deny-namespace-resource remove-destination remove-destination-service-account remove-orphaned-ignore "
    "remove-signature-key remove-source remove-source-namespace set",
    "proj role": "add-group add-policy create delete-token remove-group remove-policy",
    "proj source-integrity git policies": "add update",
    "proj windows": "add disable-manual-sync disable-sync-overrun enable-manual-sync enable-sync-overrun update",
    "repo": "add",
    "repocreds": "add",
}
_DESTRUCTIVE = {
    "account": "delete-token",
    "app": "confirm-deletion delete delete-resource",
    "appset": "delete",
    "cert": "rm",
    "cluster": "rm",
    "gpg": "rm",
    "proj": "delete",
    "proj role": "delete",
    "proj source-integrity git policies": "delete",
    "proj windows": "delete",
    "repo": "rm",
    "repocreds": "rm",
}
_CREDENTIAL = {"account": "generate-token session-token", "proj role": "create-token"}
_LOCAL = {"account": "bcrypt"}


def _classes(command_class: CommandClass, verbs: dict[str, str]) -> dict[str, CommandClass]:
    return {f"{group} {verb}": command_class for group, names in verbs.items() for verb in names.split()}


_CREDENTIALS = "send the headers X-Argocd-Server and X-Argocd-Auth-Token instead, or use `--core` with the kubeconfig"
_IDENTITY = f"it swaps who runs the command; {_CREDENTIALS}"
_CLUSTER = "the kubeconfig that comes with the request names cluster and user; pick a context with `--kube-context`"
_WORKER_FILE = f"it names a file of the worker; {_CREDENTIALS}"
_NO_LOCAL_FILES = "it reads a directory of the worker; compare or sync what is in git, without it"
_NO_TUNNEL = f"a tunnel would end in the worker; {_CREDENTIALS}"
_NO_LOGIN = f"nothing is kept from one command to the next; {_CREDENTIALS}"

_VALUE_FLAGS = """
H N P a account action add-gpg-key add-repo-url allow-cluster-resource allow-namespaced-resource annotation
annotations app-namespace applications appset-namespace aws-cluster-name aws-profile aws-role-arn bearer-token c
callback cert-sub-type cert-type cluster cluster-endpoint clusters config-management-plugin container context
controller-name current-password d delete-gpg-key delete-repo-url deny-cluster-resource deny-namespaced-resource depth
description dest dest-name dest-namespace dest-server dest-service-accounts diff-exit-code directory-exclude
directory-include dry-source-path dry-source-repo dry-source-revision duration e env exec-command
exec-command-api-version exec-command-args exec-command-env exec-command-install-hint expires-in f file filter
filter-fields from gcp-service-account-key-path github-app-enterprise-base-url github-app-id
github-app-installation-id github-app-private-key-path gpg-key gpg-mode group grpc-web-root-path header
helm-api-versions helm-chart helm-kube-version helm-namespace helm-set helm-set-file helm-set-string helm-version
hostname-pattern http-retry-max hydrate-to-branch i id ignore-normalizer-jq-execution-timeout info
jsonnet-ext-var-code jsonnet-ext-var-str jsonnet-libs jsonnet-tla-code jsonnet-tla-str k kind kube-context
kustomize-api-versions kustomize-common-annotation kustomize-common-label kustomize-image kustomize-kube-version
kustomize-namespace kustomize-replica kustomize-version l label list logformat loglevel n name nameprefix namespace
namespaces namesuffix new-password no-proxy o object out output p parameter password patch patch-type path permission
plugin-env project propagation-policy proxy proxy-url r redis-compress redis-haproxy-name redis-name ref refresh
release-name repo repo-server-name repo-url request-timeout resource resource-name retry-backoff-duration
retry-backoff-factor retry-backoff-max-duration retry-limit revision revision-history-limit revisions s schedule
selector server-name server-side-diff-concurrency server-side-diff-max-batch-kb service-account
service-account-namespace shard signature-keys since-seconds sort source source-name source-names source-namespaces
source-position source-positions src ssh-private-key-path strategy sync-policy sync-retry-backoff-duration
sync-retry-backoff-factor sync-retry-backoff-max-duration sync-retry-limit sync-source-branch sync-source-path
system-namespace tag-prefix tail time-zone timeout tls-client-cert-key-path tls-client-cert-path type until-time
username values values-literal-file
"""
_BOOLEAN_FLAGS = """
all allow-empty apply-out-of-sync-only assumeYes async auto-prune cascade client cluster-resources core degraded
delete directory-recurse disable-compression dry-run enable-lfs enable-oci exit-code follow force
force-http-basic-auth grpc-web h hard-refresh health helm-pass-credentials helm-skip-crds helm-skip-schema-validation
helm-skip-tests help hydrated ignore-missing-components ignore-missing-value-files in-cluster insecure
insecure-ignore-host-key insecure-oci-force-http insecure-skip-server-verification kustomize-force-common-annotation
kustomize-force-common-label kustomize-label-include-templates kustomize-label-without-selector m manual-sync
match-case operation orphan orphaned orphaned-resources orphaned-resources-warn pass-credentials plaintext
preview-changes previous prompts-enabled prune replace retry-refresh self-heal server-side server-side-diff
server-side-generate set-finalizer short show-managed-fields show-operation show-params skip-test-tls suspended sync
sync-overrun sync-retry-refresh t token-only u unixtime upsert use-and-operator use-azure-workload-identity validate
values-literal wait webhook-manifest-cache-warm-disabled y yes
"""
_GLOBAL_FLAGS = """
H controller-name core grpc-web grpc-web-root-path header http-retry-max insecure kube-context logformat loglevel
plaintext prompts-enabled redis-compress redis-haproxy-name redis-name repo-server-name server-name
"""

_REFUSED_FLAGS = {
    **dict.fromkeys(("argocd-context", "config"), _NO_LOGIN),
    **dict.fromkeys(("auth-token", "server", "token", "username", "password", "user"), _IDENTITY),
    **dict.fromkeys(("as", "as-group", "as-uid"), _IDENTITY),
    **dict.fromkeys(("client-crt", "client-crt-key", "server-crt"), _WORKER_FILE),
    **dict.fromkeys(("certificate-authority", "client-certificate", "client-key"), _CLUSTER),
    **dict.fromkeys(("cluster", "insecure-skip-tls-verify", "proxy-url", "tls-server-name"), _CLUSTER),
    "kubeconfig": "send the kubeconfig in the header X-Kubeconfig or in the field `kubeconfig`",
    **dict.fromkeys(("local", "local-include", "local-repo-root"), _NO_LOCAL_FILES),
    **dict.fromkeys(("port-forward", "port-forward-namespace"), _NO_TUNNEL),
}

_REFUSED_VERBS = {
    "admin": "it works on the server's own files and secrets; use `app`, `proj`, `cluster` or `repo`",
    "app edit": "there is no editor; use `app patch` or `app set`",
    "configure": _NO_LOGIN,
    "context": _NO_LOGIN,
    "login": _NO_LOGIN,
    "logout": _NO_LOGIN,
    "proj edit": "there is no editor; use `proj set`",
    "relogin": _NO_LOGIN,
}

_ALIASES = {
    "account whoami": "account get-user-info",
    "ctx": "context",
    "proj role list-token": "proj role list-tokens",
    "proj role remove-token": "proj role delete-token",
    "proj role token-create": "proj role create-token",
    "proj role token-delete": "proj role delete-token",
    "proj role token-list": "proj role list-tokens",
    "project": "proj",
}

_FAILURE_HINTS = (
    FailureHint(r"server address unspecified", f"The command names no Argo CD server: {_CREDENTIALS}."),
    FailureHint(
        r"code = Unauthenticated",
        "The Argo CD server does not take the token: send a valid one in the header X-Argocd-Auth-Token.",
    ),
    FailureHint(
        r"code = PermissionDenied",
        "Argo CD says so of what does not exist and of what the token may not do: `app list` shows what it sees.",
    ),
    FailureHint(
        r"x509: |certificate",
        "The server's certificate is not trusted: add `--insecure` if that is as it should be.",
    ),
    *failure_hints.CLUSTER,
)

_UNSET = frozenset({"app unset"})

TOOL = Tool(
    name="argocd",
    summary="Run argocd against your Argo CD server, or with --core against the cluster of your kubeconfig.",
    examples=("app get web", "app sync web --timeout 300", "app list", "app diff web", "app wait web --health"),
    refused="Refused: login, context (server and token come with the connection, or use `--core`), admin, `app edit` "
    "(use `app set` or `app patch`), `--local`. Use `app wait` or `--timeout` for long syncs.",
    grammar=Grammar(
        value_flags=frozenset(_VALUE_FLAGS.split()),
        boolean_flags=frozenset(_BOOLEAN_FLAGS.split()),
        refused_flags=_REFUSED_FLAGS,
        global_flags=frozenset(_GLOBAL_FLAGS.split()),
        verb_groups=frozenset(
            {*_READ, *_WRITE, *_DESTRUCTIVE, "proj source-integrity", "proj source-integrity git"},
        ),
        classes={
            **_classes(CommandClass.READ, _READ),
            **_classes(CommandClass.WRITE, _WRITE),
            **_classes(CommandClass.DESTRUCTIVE, _DESTRUCTIVE),
            **_classes(CommandClass.CREDENTIAL, _CREDENTIAL),
            **_classes(CommandClass.LOCAL, _LOCAL),
            "completion": CommandClass.LOCAL,
            "help": CommandClass.LOCAL,
            "version": CommandClass.READ,
        },
        refused_verbs=_REFUSED_VERBS,
        aliases=_ALIASES,
        standalone_under={
            "f": frozenset({"app logs"}),
            "kustomize-namespace": _UNSET,
            "kustomize-version": _UNSET,
            "name": frozenset({"proj add-destination"}),
            "nameprefix": _UNSET,
            "namesuffix": _UNSET,
            "p": frozenset({"app logs"}),
            "ref": _UNSET,
            "refresh": frozenset({"app diff", "app get"}),
        },
        redefined_under={
            "cluster": frozenset({"app list"}),
            "password": frozenset({"account bcrypt", "repo add", "repocreds add"}),
            "proxy-url": frozenset({"repocreds add"}),
            "username": frozenset({"repo add", "repocreds add"}),
        },
        waiting_verbs=frozenset({"app sync", "app wait"}),
        waiting_flags=frozenset({"wait"}),
        endless={"app logs": frozenset({"f", "follow"})},
        context_flags=frozenset({"context", "kube-context"}),
        local_flags=frozenset({"client", "h", "help"}),
    ),
    version_arguments=("version", "--client", "--short"),
    version_pattern=r"argocd: v?(\S+)",
    install_hint="get it from https://argo-cd.readthedocs.io/en/stable/cli_installation/",
    credential_headers={
        "x-argocd-server": "ARGOCD_SERVER",
        "x-argocd-auth-token": "ARGOCD_AUTH_TOKEN",
    },
    server_variable="ARGOCD_SERVER",
    companions={"app diff": kubectl.DIFF},
    failure_hints=_FAILURE_HINTS,
)
