"""Every message comes back as it was sent."""

import marshal
from dataclasses import replace

import pytest

from worker.launcher.protocol import (
    ChildEnded,
    ChildForked,
    Equipment,
    ForkFailed,
    ForkRequest,
    Limits,
    Message,
    Outfit,
    ProtocolError,
    SandboxRules,
    SignalRequest,
    StageExit,
    StageSpec,
    decode,
    encode,
)

LIMITS = Limits(file_size_bytes=1, open_files=2, cpu_s=3)
RULES = SandboxRules(("/x",), ("/r", "/s"), ("/w",), (443, 6443), (0,))


def stage(sandbox: SandboxRules | None) -> StageSpec:
    return StageSpec("/x", ("x", "", "ü \n \udcff"), {"A": "b\0", "ü": ""}, "/w", sandbox, LIMITS)


@pytest.mark.parametrize(
    "message",
    [
        stage(None),
        stage(RULES),
        stage(SandboxRules(connect_ports=None)),
        stage(SandboxRules(alone=True)),
        stage(SandboxRules(own_ranges=((1, 2), (4, 4)))),
        replace(stage(None), working_directory="", places=(0, 3)),
        Equipment(1, Outfit("/w", None)),
        Equipment(2, Outfit("/w", RULES)),
        ForkRequest(2),
        ForkRequest(2, kind=1),
        SignalRequest(child=7, signal=15),
        ChildForked(child=7, pid=4711, kind=1),
        ForkFailed("Resource temporarily unavailable"),
        ChildEnded(7, StageExit(exit_code=0, signal=None)),
        ChildEnded(8, StageExit(exit_code=None, signal=9, started=False, error="exec: ü")),
    ],
    ids=[
        "plain",
        "rules",
        "any-port",
        "alone",
        "own-ranges",
        "places",
        "outfit",
        "outfit-with-rules",
        "fork",
        "fork-of-a-kind",
        "signal",
        "forked",
        "fork-failed",
        "ended",
        "never-started",
    ],
)
def test_message_survives_the_wire(message: Message) -> None:
    assert decode(encode(message)) == message


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ProtocolError):
        decode(marshal.dumps(("surprise", {})))


def test_default_rules_allow_nothing() -> None:
    assert SandboxRules() == SandboxRules((), (), (), connect_ports=(), bind_ports=())
