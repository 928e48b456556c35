"""What a server says of itself once it is ready: the contract between its process and whoever started it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Announcement:
    """`kubeconfig_path` has the contexts of `kubeconfig.DEFAULT_CONTEXTS`."""

    url: str
    port: int
    ca_path: str
    token: str
    kubeconfig_path: str
