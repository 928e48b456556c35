"""The announcement of a server that is ready: the contract between its process and the test that started it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Announcement:
    """`kubeconfig_path` has the contexts of `kubeconfig.DEFAULT_CONTEXTS`."""

    url: str
    port: int
    ca_path: str
    token: str
    kubeconfig_path: str
