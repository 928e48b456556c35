"""Which kinds of object the server has: the one table that discovery, routes and the store are made from."""

from dataclasses import dataclass
from typing import Any, TypeAlias

KubeObject: TypeAlias = dict[str, Any]
"""An object as its JSON has it: what a client may send is open, so there is no narrower type."""

OBJECT_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`plural` is the name in paths. `subresources` can be read only."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    is_namespaced: bool = True
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = OBJECT_VERBS
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path that its group and version begin with, without the leading slash."""
        return f"apis/{self.group_version}" if self.group else f"api/{self.version}"

    @property
    def qualified_plural(self) -> str:
        """As error messages name it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACES = ResourceType("namespaces", "Namespace", is_namespaced=False, short_names=("ns",))
PODS = ResourceType("pods", "Pod", short_names=("po",), subresources=("log",), categories=("all",))
CONFIG_MAPS = ResourceType("configmaps", "ConfigMap", short_names=("cm",))
SECRETS = ResourceType("secrets", "Secret")
SERVICES = ResourceType("services", "Service", short_names=("svc",), categories=("all",))
SERVICE_ACCOUNTS = ResourceType("serviceaccounts", "ServiceAccount", short_names=("sa",))
EVENTS = ResourceType("events", "Event", short_names=("ev",))
DEPLOYMENTS = ResourceType("deployments", "Deployment", group="apps", short_names=("deploy",), categories=("all",))
REPLICA_SETS = ResourceType("replicasets", "ReplicaSet", group="apps", short_names=("rs",), categories=("all",))

STORED = (
    NAMESPACES,
    PODS,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    EVENTS,
    DEPLOYMENTS,
    REPLICA_SETS,
)

ACCESS_REVIEWS = ResourceType(
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    group="authorization.k8s.io",
    is_namespaced=False,
    verbs=("create",),
)
IDENTITY_REVIEWS = ResourceType(
    "selfsubjectreviews",
    "SelfSubjectReview",
    group="authentication.k8s.io",
    is_namespaced=False,
    verbs=("create",),
)

ALL = (*STORED, ACCESS_REVIEWS, IDENTITY_REVIEWS)
