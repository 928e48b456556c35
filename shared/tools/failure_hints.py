"""What to do next after the failures that callers meet most, told from what the CLIs print.

A hint is one sentence with one next step. Patterns are read off real output, and the end-to-end tests meet them there.
"""

import re
from collections.abc import Mapping

SEARCHED_CHARACTERS = 4_096


CLUSTER = {
    r"\(Forbidden\)|is forbidden: ": (
        "The cluster does not let the kubeconfig's user do this; kubectl `auth can-i --list` shows what it allows."
    ),
    r"\(Unauthorized\)|asked for the client to provide credentials|: Unauthorized$": (
        "The cluster does not take the kubeconfig's credentials, which may have expired: send a fresh kubeconfig."
    ),
    r"x509: certificate signed by unknown authority|certificate is not trusted": (
        "The kubeconfig's certificate-authority-data is not that of the server at its address: send the cluster's own."
    ),
    r"connect: permission denied": (
        "On this machine a command reaches its API server, and what its arguments name by URL where the worker allows "
        "loopback: use an address that the worker can reach."
    ),
    r"not allowed by ruleset": (
        "The worker may not connect there: loopback, link-local and metadata addresses are refused, and whatever its "
        "operator denies. Use an address that it can reach, or ask the operator."
    ),
    r"connection refused|no such host|no route to host|i/o timeout|(network|host) (is )?unreachable": (
        "The workers cannot reach that address: check the kubeconfig's `server` from the network that they run in."
    ),
    r"the path \"[^\"\n]{0,300}\" does not exist|no such file or directory|path \"[^\"\n]{0,300}\" not found": (
        "A command sees no files but those of its request: send them in `files` (name to text), or a manifest in "
        "`stdin` with `-f -`."
    ),
    r"namespaces \"[^\"\n]{0,300}\" not found": (
        "There is no such namespace: kubectl `get namespaces` lists them, `create namespace` makes one."
    ),
    r"no matches for kind": (
        "The cluster serves no such kind in that version: kubectl `api-resources` lists those that it serves; a custom "
        "one needs its CRD installed first."
    ),
    r"unknown field \"": (
        "The cluster knows no such field, so nothing was changed: kubectl `explain KIND` lists the fields."
    ),
    r"field is immutable": (
        "That field cannot be changed: delete the object and create it again, if it may be away for a moment."
    ),
    r"is invalid: |must match regex|unrecognized type: ": (
        "A value breaks the rule that the message names, so nothing was changed: mend that value."
    ),
    r"error converting YAML to JSON|YAML parse error|yaml: line \d": (
        "That is no valid YAML: mend the line that the message names."
    ),
    r"the object has been modified": (
        "Somebody changed it meanwhile: `get` it again and make the change on what it is now."
    ),
    r"required flag\(s\)|no name was specified|must either provide a name|requires (at least|exactly) \d|"
    r"accepts \d{1,9} arg": "An argument is missing: the verb with `--help` lists what it needs.",
    r"unknown (shorthand )?flag|unknown command": (
        "This version of the CLI has no such flag or verb: the verb with `--help` lists what there is."
    ),
}
"""Regular expression that finds a failure in standard error → the next step, for whatever speaks to an API server."""


def find(hints: Mapping[str, str], error: str) -> str | None:
    """The first hint whose failure stands at the end of that standard error.

    Only the end is searched: a caller's own server may word what is printed, and every job of the worker would wait.
    """
    end = error[-SEARCHED_CHARACTERS:]
    return next((hint for pattern, hint in hints.items() if re.search(pattern, end, re.MULTILINE)), None)
