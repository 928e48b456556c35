"""Hints for the most frequent failures, found in the output of the CLIs.

A hint is one sentence with one next step. The patterns match real output, which the end-to-end tests produce.
"""

import re
from collections.abc import Mapping

SEARCHED_CHARACTERS = 4_096
UNREACHABLE = (
    r"connection refused|no such host|no route to host|i/o timeout|TLS handshake timeout|"
    r"(network|host) (is )?unreachable"
)
"""Regular expression that finds the reason for which a server was not reached."""
_NO_API = r"the server could not find the requested resource"

REFUSED = {
    r": the rule \S{1,200} refuses it": (
        "mcp-k8s refuses that request, whatever the credentials allow: the message names its rule and what is allowed "
        "instead."
    )
}
"""The hint for a request that the worker's door has refused."""

CLUSTER = {
    **REFUSED,
    r"\(Forbidden\)|is forbidden: ": (
        "The kubeconfig's user does not have permission to do this; kubectl `auth can-i --list` shows what is allowed."
    ),
    r"\(Unauthorized\)|asked for the client to provide credentials|: Unauthorized$": (
        "The cluster rejects the kubeconfig's credentials, which may have expired: send a fresh kubeconfig."
    ),
    r"x509: certificate signed by unknown authority|certificate is not trusted": (
        "The kubeconfig's certificate-authority-data does not match the server at its address: send the cluster's own."
    ),
    r"connect: permission denied": (
        "The worker's sandbox blocks this connection. Charts and URLs on a loopback address need an operator who sets "
        "K8S_MCP_ALLOW_LOOPBACK_FETCHES=true: use an address that the worker can reach."
    ),
    r"not allowed by ruleset of this worker: own-service": (
        "That address is a service of mcp-k8s itself (its Redis, a gateway, a worker's metrics), which no command may "
        "reach: write the address of your cluster's API server into the kubeconfig's `server`."
    ),
    r"not allowed by ruleset": (
        "The worker refuses to connect to that address: loopback, link-local and metadata addresses are forbidden, and "
        "addresses that its operator denies. Use an address that the worker can reach, or ask the operator."
    ),
    r"its path leads into an API": (
        "Cut the path of the kubeconfig's `server` off before `/api` or `/apis`, which commands add themselves: most "
        "often `https://HOST:PORT` is left."
    ),
    r"server http://[^\s\"]{1,300} cannot be reached: (EOF|malformed HTTP|read: connection reset)|"
    r"the server rejected our request for an unknown reason": (
        "The server does not answer at that address as an API server does. Most API servers take only TLS: write "
        "https:// instead of http:// in the kubeconfig's `server`, or correct its port."
    ),
    r"cannot be reached: http: server gave HTTP response to HTTPS client": (
        "The server does not speak TLS on that port: correct the port in the kubeconfig's `server`. Write http:// only "
        "if the API server is known to take plain HTTP, for the credentials are then not encrypted."
    ),
    rf"API group list\" err=\"{_NO_API}|openapi: {_NO_API}|unreachable: {_NO_API}": (
        "There is no Kubernetes API under the path in the kubeconfig's `server`: remove the path, or correct it."
    ),
    _NO_API: (
        "The server has nothing at that path. If `api-resources` fails too, the kubeconfig's `server` has a wrong "
        "path: remove or correct it. If not, the cluster lacks what was asked for."
    ),
    UNREACHABLE: (
        "The workers cannot reach that address: check the kubeconfig's `server` from the network that they run in."
    ),
    r"the path \"[^\"\n]{0,300}\" does not exist|no such file or directory|path \"[^\"\n]{0,300}\" not found": (
        "A command can read only the files of its request: send them in `files` (name to text), or a manifest in "
        "`stdin` with `-f -`."
    ),
    r"namespaces \"[^\"\n]{0,300}\" not found": (
        "The namespace does not exist: kubectl `get namespaces` lists namespaces, `create namespace` creates one."
    ),
    r"no matches for kind": (
        "The cluster does not have that kind in that version: kubectl `api-resources` lists its kinds. A custom kind "
        "needs its CRD installed first."
    ),
    r"unknown field \"": (
        "The cluster does not know that field, so the object was not changed: kubectl `explain KIND` lists the fields."
    ),
    r"field is immutable": (
        "That field cannot be changed: delete the object and create it again, if a short absence is acceptable."
    ),
    r"is invalid: |must match regex|unrecognized type: ": (
        "A value breaks the rule that the message names, so the object was not changed: correct that value."
    ),
    r"error converting YAML to JSON|YAML parse error|yaml: line \d": (
        "The input is not valid YAML: correct the line that the message names."
    ),
    r"the object has been modified": (
        "The object was changed in the meantime: `get` it again and change its current version."
    ),
    r"required flag\(s\)|no name was specified|must either provide a name|requires (at least|exactly) \d|"
    r"accepts \d{1,9} arg": ("An argument is missing: run the verb with `--help` to see what it needs."),
    r"unknown (shorthand )?flag|unknown command": (
        "This version of the CLI does not have that flag or verb: run the verb with `--help` to see what exists."
    ),
}
"""Regular expression that finds a failure in standard error → next step, for CLIs that connect to an API server."""


OUT_OF_MEMORY = (
    "The command needed more memory than a command may use here: ask for less at a time (a namespace, a label "
    "selector, fewer kinds), or have the operator raise K8S_MCP_JOB_MEMORY_BYTES."
)
_OUT_OF_MEMORY = re.compile(
    r"^(\[\w{1,20}\] )?(fatal error|runtime): [^\n]{0,100}(out of|cannot allocate) memory", re.MULTILINE
)


def ran_out_of_memory(error: str) -> bool:
    """Returns whether the beginning of standard error is that of a Go program without memory. A long trace follows."""
    return _OUT_OF_MEMORY.search(error[:SEARCHED_CHARACTERS]) is not None


def find(hints: Mapping[str, str], error: str) -> str | None:
    """Returns the first hint whose failure is found at the end of standard error.

    Only the end is searched: a caller's server controls the text, and a long search would delay all jobs of the worker.
    """
    end = error[-SEARCHED_CHARACTERS:]
    return next((hint for pattern, hint in hints.items() if re.search(pattern, end, re.MULTILINE)), None)
