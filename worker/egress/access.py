"""One job's access to the worker's proxy."""

from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """The proxy's port, and the credentials of one job there. They are worthless when the job has ended."""

    port: int
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """For a kubeconfig and the environment, never for arguments."""
        return f"socks5://{self.user}:{self.password}@{HOST}:{self.port}"
