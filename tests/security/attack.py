"""One hostile command: what is sent, and how it must end in each security mode and without any check of the gateway."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import pytest


class End(Enum):
    """Whatever it is, no canary is touched; this says what the caller sees besides."""

    REFUSED = "an answer 4xx; nothing is queued, and the API server hears nothing"
    DENIED = "it runs until a request of it is refused, and fails with the code `effect-denied`"
    FAILED = "it runs and does not succeed"
    HARMLESS = "it runs; whether its program calls that a success does not matter"
    REFUSED_OR_HARMLESS = "either"
    ALLOWED = "it runs as its caller wants: only policy objects to it, and there is none"


@dataclass(frozen=True)
class Attack:
    """`@WORD@` in what is sent stands for a canary: see `Scene.filled`."""

    name: str
    command: str
    tool: str = "kubectl"
    strict: End = End.REFUSED
    late: End | None = None
    """How it ends in `strict` without early refusals; None if that is the same."""
    permissive: End = End.REFUSED
    below: End | None = End.FAILED
    """Handed to the worker as it is, without the gateway; None where only policy or the caller's own rights object."""
    stdin: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Others of the request."""
    headers: Mapping[str, str] = field(default_factory=dict)
    has_kubeconfig: bool = True

    def with_texts(self, change: Callable[[str], str]) -> "Attack":
        """The same with every text of it changed."""
        return replace(
            self,
            command=change(self.command),
            stdin=None if self.stdin is None else change(self.stdin),
            files={name: change(text) for name, text in self.files.items()},
            headers={name: change(text) for name, text in self.headers.items()},
        )


def refused(tool: str = "kubectl", below: End | None = End.FAILED, **commands: str) -> tuple[Attack, ...]:
    """Commands that the gateway takes in no mode, by their names."""
    return tuple(Attack(name.replace("_", "-"), text, tool, below=below) for name, text in commands.items())


def contained(
    name: str,
    command: str,
    end: End = End.FAILED,
    *,
    tool: str = "kubectl",
    files: Mapping[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Attack:
    """A command that the gateway lets pass: what stops it is the worker, or that it means nothing."""
    return Attack(
        name,
        command,
        tool,
        strict=end,
        permissive=end,
        below=None,
        files=files or {},
        fields=fields or {},
        headers=headers or {},
    )


def cases(rows: Sequence[Attack], *, group: str = "") -> list[Any]:
    """Parameters for pytest, each with its attack's name."""
    prefix = f"{group}-" if group else ""
    return [pytest.param(attack, id=f"{prefix}{attack.tool}-{attack.name}") for attack in rows]
