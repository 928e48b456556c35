"""Detects how this machine contains commands. Workers announce the result and `mcp-k8s doctor` prints it."""

from dataclasses import dataclass

from worker.launcher import landlock, seccomp
from worker.launcher.kernel import IS_LINUX
from worker.run import job_directory

PORTS_ABI, SCOPES_ABI = 4, 6
"""First Landlock ABI versions that restrict TCP ports, and signals and abstract sockets."""
NO_LANDLOCK = "no sandbox: this system has no Landlock (Linux 5.13 and later have it)"


@dataclass(frozen=True, slots=True)
class Containment:
    """The layers of containment that this machine has."""

    landlock_abi: int
    """Version of Landlock's ABI, or 0 without Landlock."""
    has_seccomp: bool
    """Whether seccomp is available. It is used only together with Landlock."""
    has_no_new_privileges: bool
    has_nameless_files: bool
    """Whether kubeconfigs can be files without a name (memfd_create(2))."""

    @property
    def is_sandbox(self) -> bool:
        return self.landlock_abi > 0

    @property
    def restricts_ports(self) -> bool:
        """Whether every connection of a command must go through the worker's proxy."""
        return self.landlock_abi >= PORTS_ABI and self.has_seccomp

    def __str__(self) -> str:
        layers = {
            f"Landlock ABI {self.landlock_abi}": self.is_sandbox,
            "seccomp": self.is_sandbox and self.has_seccomp,
            "no-new-privileges": self.has_no_new_privileges,
            "egress proxy": self.restricts_ports,
            "egress proxy (not enforced)": not self.restricts_ports,
            "memfd": self.has_nameless_files,
        }
        active = ", ".join(layer for layer, is_active in layers.items() if is_active)
        return active if self.is_sandbox else f"{NO_LANDLOCK}; {active}"


def of_this_machine() -> Containment:
    """Detects the containment that a worker gets if it starts now."""
    return Containment(
        landlock_abi=landlock.abi(),
        has_seccomp=seccomp.is_supported(),
        has_no_new_privileges=IS_LINUX,
        has_nameless_files=job_directory.HAS_NAMELESS_FILES,
    )
