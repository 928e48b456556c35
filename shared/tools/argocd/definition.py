"""Defines argocd: what its verbs do, and which commands are refused.

argocd connects to its server with credentials from request headers, or with `--core` only to the cluster.
"""

from shared.command.reading import Reading
from shared.models import CommandClass
from shared.tools import failure_hints, table, verb_lists
from shared.tools.argocd import server, waits
from shared.tools.class_rules import ClassRule, Effect, always, destroys, given, is_dry, reads, widens
from shared.tools.kubectl import definition as kubectl
from shared.tools.kubectl import kinds
from shared.tools.tool import Grammar, SandboxNeeds, Tool

_TABLE = table.load("argocd")

_CLASSES = verb_lists.classes(
    {
        CommandClass.READ: {
            "": "version",
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
        },
        CommandClass.WRITE: {
            "account": "update-password",
            "app": "add-source create patch patch-resource remove-source rollback set sync terminate-op unset",
            "app actions": "run",
            "appset": "create",
            "cert": "add-ssh add-tls",
            "cluster": "set",
            "gpg": "add",
            "proj": "add-destination add-destination-service-account add-orphaned-ignore add-signature-key add-source "
            "add-source-namespace allow-cluster-resource allow-namespace-resource create deny-cluster-resource "
            "deny-namespace-resource remove-destination remove-destination-service-account remove-orphaned-ignore "
            "remove-signature-key remove-source remove-source-namespace set",
            "proj role": "add-group add-policy create delete-token remove-group remove-policy",
            "proj source-integrity git policies": "add update",
            "proj windows": "add disable-manual-sync disable-sync-overrun enable-manual-sync enable-sync-overrun "
            "update",
            "repo": "add",
            "repocreds": "add",
        },
        CommandClass.DESTRUCTIVE: {
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
        },
        CommandClass.INTERACTIVE: {
            "": "login relogin",
            "app": "edit",
            "proj": "edit",
        },
        CommandClass.LOCAL: {
            "": "completion help configure context logout",
            "account": "bcrypt",
        },
        CommandClass.CREDENTIAL: {
            "account": "generate-token session-token",
            "cluster": "add rotate-auth",
            "proj role": "create-token",
        },
    }
)


def _kind(reading: Reading) -> str:
    return kinds.plural(reading.text("kind") or "")


_RULES = (
    ClassRule(
        "core",
        "without a server, it works with credentials of Argo CD itself",
        given("core"),
        of=frozenset({CommandClass.READ}),
        to=CommandClass.WRITE,
    ),
    ClassRule(
        "refreshing",
        "its server marks the Application, so that it is compared with git anew",
        given("hard-refresh", "refresh"),
        of=frozenset({CommandClass.READ}),
        to=CommandClass.WRITE,
    ),
    reads("dry-run", "with `--dry-run` nothing is changed", is_dry, verbs="appset create"),
    destroys("replacing", "objects are deleted and created again", given("force", "replace"), verbs="app sync"),
    destroys(
        "pruning",
        "it deletes every object that is not in git",
        given("prune"),
        verbs="app rollback, app sync",
        effect=Effect.MASS,
    ),
    ClassRule(
        "dry-run-of-a-sync",
        "Argo CD keeps it as the application's last operation, and changes nothing else",
        is_dry,
        frozenset({"app sync"}),
        to=CommandClass.WRITE,
    ),
    widens(
        "selected-applications",
        "it names no application, so it may delete all of them",
        given("selector"),
        verbs="app delete",
        effect=Effect.MASS,
    ),
    widens("all-resources", "it names no single object", given("all"), verbs="app delete-resource", effect=Effect.MASS),
    widens(
        "data-loss",
        "the data in a volume is lost with its claim",
        lambda reading: _kind(reading) in kinds.DATA_KINDS,
        verbs="app delete-resource",
        effect=Effect.IRREVERSIBLE,
    ),
    widens(
        "deletion-beyond-a-namespace",
        "the kind is cluster-scoped, or not known to be namespaced",
        lambda reading: _kind(reading) not in kinds.NAMESPACED,
        verbs="app delete-resource",
        effect=Effect.CLUSTER_SCOPE,
    ),
    widens(
        "application-set",
        "every application that it created is deleted with it",
        always,
        verbs="appset delete",
        effect=Effect.MASS,
    ),
    widens(
        "for-all-of-argo-cd",
        "applications of others depend on it",
        always,
        verbs="cert rm, cluster rm, gpg rm, proj delete, repo rm, repocreds rm",
        effect=Effect.CLUSTER_SCOPE,
    ),
)


_CREDENTIALS = "send the headers X-Argocd-Server and X-Argocd-Auth-Token instead, or use `--core` with the kubeconfig"
_IDENTITY = f"it changes the identity that runs the command; {_CREDENTIALS}"
_CLUSTER = "the kubeconfig of the request names cluster and user; choose a context with `--kube-context`"
_WORKER_FILE = f"it names a file of the worker; {_CREDENTIALS}"
_NO_LOCAL_FILES = "it reads a directory of the worker; leave it out to compare or sync what is in git"
_NO_TUNNEL = f"its tunnel would end in the worker; {_CREDENTIALS}"
_NO_LOGIN = f"nothing is kept from one command to the next; {_CREDENTIALS}"

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
    "cluster add": "it would give Argo CD the address through which the worker's commands go, where no cluster is; "
    "create the cluster's Secret with kubectl, labelled `argocd.argoproj.io/secret-type=cluster`",
    "configure": _NO_LOGIN,
    "context": _NO_LOGIN,
    "login": _NO_LOGIN,
    "logout": _NO_LOGIN,
    "proj edit": "there is no editor; use `proj set`",
    "relogin": _NO_LOGIN,
}

_FAILURE_HINTS = {
    **failure_hints.REFUSED,
    r"server address unspecified": (f"The command names no Argo CD server: {_CREDENTIALS}."),
    r"code = Unauthenticated": (
        "The Argo CD server rejects the token: send a valid one in the header X-Argocd-Auth-Token."
    ),
    r"code = PermissionDenied": (
        "The object does not exist, or the token has no permission for it: `app list` shows what the token can see."
    ),
    rf"desc = the server [^\n]{{1,300}} cannot be reached: [^\n]{{0,400}}({failure_hints.UNREACHABLE})": (
        "The workers cannot reach the Argo CD server: check X-Argocd-Server from the network that they run in."
    ),
    r"x509: |certificate": ("The server's certificate is not trusted: add `--insecure` if that is expected."),
    **failure_hints.CLUSTER,
}

TOOL = Tool(
    name="argocd",
    summary="Run argocd against your Argo CD server, or with --core against the cluster of your kubeconfig.",
    examples=("app get web", "app sync web --timeout 300", "app list", "app diff web", "app wait web --health"),
    refused="Refused: login, context (server and token come with the connection, or use `--core`), admin, `app edit` "
    "(use `app set` or `app patch`), `--local`. Use `app wait` or `--timeout` for long syncs.",
    grammar=Grammar(
        table=_TABLE,
        refused_flags=_REFUSED_FLAGS,
        classes=_CLASSES,
        class_rules=_RULES,
        reaches_kubernetes=given("core"),
        computes_from_live=given("core"),  # it reads a password of Argo CD's own Redis from a Secret
        file_operands=frozenset({"appset create", "appset generate"}),
        refused_verbs=_REFUSED_VERBS,
        redefined_under={
            "cluster": frozenset({"app list"}),
            "password": frozenset({"account bcrypt", "repo add", "repocreds add"}),
            "proxy-url": frozenset({"repocreds add"}),
            "username": frozenset({"repo add", "repocreds add"}),
        },
        waiting_verbs=frozenset({"app sync", "app wait"}),
        waiting_flags=frozenset({"wait"}),
        endless={"app logs": frozenset({"follow"})},
        context_flags=frozenset({"context", "kube-context"}),
        local_flags=frozenset({"client", "help"}),
        connection_flags=server.CONNECTION_FLAGS,
    ),
    version_arguments=("version", "--client", "--short"),
    version_pattern=r"argocd: v?(\S+)",
    install_hint="get it from https://argo-cd.readthedocs.io/en/stable/cli_installation/",
    credential_headers={
        "x-argocd-server": "ARGOCD_SERVER",
        "x-argocd-auth-token": "ARGOCD_AUTH_TOKEN",
    },
    server_variable="ARGOCD_SERVER",
    token_variable="ARGOCD_AUTH_TOKEN",  # noqa: S106 - the name of a variable
    own_server=server.of,
    own_server_variables=server.variables,
    listening_flags=frozenset({"core"}),
    sandbox=SandboxNeeds(listens=True),  # it speaks grpc-web through a Unix socket to itself
    helpers={"app diff": kubectl.DIFF},
    failure_hints=_FAILURE_HINTS,
    awaited=waits.of,
)
