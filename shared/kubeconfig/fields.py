"""The fields of a kubeconfig that are allowed, dropped or refused, with a hint for each refused one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    TEXT = "text"
    DATA = "base64"
    SWITCH = "true or false"


@dataclass(frozen=True, slots=True)
class Section:
    """One of the three lists of a kubeconfig."""

    plural: str
    singular: str
    allowed: Mapping[str, Kind]
    refused: Mapping[str, str]
    dropped: frozenset[str] = frozenset({"extensions"})


_FLATTEN = "names a file, and workers do not have your files: `kubectl config view --flatten` puts its content inline"
_NO_PROGRAM = (
    "needs a credential program, as the kubeconfigs of EKS, GKE and AKS do, and workers run none: send the output of "
    "`mcp-k8s kubeconfig`, or use a token, for example from `kubectl create token SERVICEACCOUNT --duration=1h`"
)
_NO_IMPERSONATION = "impersonates another identity: use that identity's own credentials"

CONTEXT = Section(
    plural="contexts",
    singular="context",
    allowed={"cluster": Kind.TEXT, "user": Kind.TEXT, "namespace": Kind.TEXT},
    refused={},
)
CLUSTER = Section(
    plural="clusters",
    singular="cluster",
    allowed={
        "server": Kind.TEXT,
        "certificate-authority-data": Kind.DATA,
        "insecure-skip-tls-verify": Kind.SWITCH,
        "tls-server-name": Kind.TEXT,
        "disable-compression": Kind.SWITCH,
    },
    refused={
        "certificate-authority": _FLATTEN,
        "proxy-url": "sends the connection elsewhere: use a server that the worker can reach without a proxy",
    },
)
USER = Section(
    plural="users",
    singular="user",
    allowed={
        "token": Kind.TEXT,
        "client-certificate-data": Kind.DATA,
        "client-key-data": Kind.DATA,
        "username": Kind.TEXT,
        "password": Kind.TEXT,
    },
    refused={
        "exec": _NO_PROGRAM,
        "auth-provider": _NO_PROGRAM,
        "tokenFile": _FLATTEN,
        "client-certificate": _FLATTEN,
        "client-key": _FLATTEN,
        **dict.fromkeys(("as", "as-uid", "as-groups", "as-user-extra", "act-as"), _NO_IMPERSONATION),
    },
)
