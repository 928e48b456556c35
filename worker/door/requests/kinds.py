"""What the door knows about resources of Kubernetes itself, by group and plural.

Source: the API reference of Kubernetes 1.37. A resource or subresource that is not named here has no special effect
that the door knows, so it is judged as the most dangerous one could be.
"""

SECRETS = ("", "secrets")
CONFIG_MAPS = ("", "configmaps")
VERBS_ANSWERED = frozenset({"create", "update", "patch", "delete"})
"""Verbs of which the door itself answers dry runs on Secrets, where it masks them."""
CONNECTIONS = frozenset({"exec", "attach", "portforward", "proxy"})
"""Subresources that lead out of the API server, whatever the method. Their own options are their query."""

TUNNEL = "portforward"

MOST_PARTS = 3
"""Resource, name and subresource: longer paths are connections, or no requests that the door knows."""

READABLE_SUBRESOURCES = frozenset({"status", "scale"})
LOGS = ("", "pods", "log")
TOKEN_REQUEST = ("", "serviceaccounts", "token")
NODES = ("", "nodes")
VOLUMES = ("", "persistentvolumes")
TAINT_RULES = ("resource.k8s.io", "devicetaintrules")
CERTIFICATE_REQUESTS = ("certificates.k8s.io", "certificatesigningrequests")
APPROVAL = ("certificates.k8s.io", "certificatesigningrequests", "approval")
EVICTION = ("", "pods", "eviction")

KNOWN_SUBRESOURCES = frozenset(
    {
        ("", "pods", "binding"),
        EVICTION,
        ("", "pods", "ephemeralcontainers"),
        ("", "pods", "resize"),
        *(("", "pods", subresource) for subresource in CONNECTIONS),
        ("", "services", "proxy"),
        ("", "nodes", "proxy"),
    }
)
"""Subresources with effects of their own that `strict` lets be written, beside `status` and `scale` of any resource."""

WITH_DRY_RUN = frozenset({EVICTION, ("", "pods", "ephemeralcontainers"), ("", "pods", "resize")})
"""Subresources of which a dry run is known to change nothing, beside `status` and `scale` of any resource."""

SELF_REVIEWS = frozenset(
    {
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
    }
)
ACCESS_REVIEWS = frozenset(
    {
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    }
)
TOKEN_REVIEW = ("authentication.k8s.io", "tokenreviews")
REVIEWS = SELF_REVIEWS | ACCESS_REVIEWS | {TOKEN_REVIEW}
"""Questions: the API server answers them and stores nothing."""

KEPT_IN_STRICT = {
    ("", "namespaces"): "Namespaces",
    ("", "nodes"): "Nodes",
    ("", "persistentvolumeclaims"): "PersistentVolumeClaims",
    ("", "persistentvolumes"): "PersistentVolumes",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "CustomResourceDefinitions",
    ("project.openshift.io", "projects"): "Projects",
}
"""Resources that `strict` lets nobody delete, and their names in a refusal."""

SECRET_TYPES_REFUSED_IN_STRICT = frozenset({"bootstrap.kubernetes.io/token", "kubernetes.io/service-account-token"})
"""Types of Secrets that the cluster takes for credentials, or makes credentials for."""

CLUSTER_WIDE = frozenset(
    {
        *(("", resource) for resource in ("componentstatuses", "namespaces", "nodes", "persistentvolumes")),
        *(
            ("admissionregistration.k8s.io", f"{policy}{suffix}")
            for policy in ("mutatingadmissionpolic", "validatingadmissionpolic")
            for suffix in ("ies", "ybindings")
        ),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("certificates.k8s.io", "certificatesigningrequests"),
        ("certificates.k8s.io", "clustertrustbundles"),
        ("flowcontrol.apiserver.k8s.io", "flowschemas"),
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
        ("internal.apiserver.k8s.io", "storageversions"),
        ("networking.k8s.io", "ingressclasses"),
        ("networking.k8s.io", "ipaddresses"),
        ("networking.k8s.io", "servicecidrs"),
        ("node.k8s.io", "runtimeclasses"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "devicetaintrules"),
        ("resource.k8s.io", "resourceslices"),
        ("scheduling.k8s.io", "priorityclasses"),
        *(
            ("storage.k8s.io", resource)
            for resource in ("csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses")
        ),
        ("storagemigration.k8s.io", "storageversionmigrations"),
    }
)
"""Resources of `OWN_GROUPS` whose objects are in no namespace."""

OWN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""Groups that the API server serves itself. Another group is a CustomResourceDefinition's or another server's."""
