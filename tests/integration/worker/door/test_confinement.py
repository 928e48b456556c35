"""What the door's process has given up before it serves."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import door as doors
from worker.launcher import landlock, seccomp

PROJECT = Path(__file__).parents[4]
TRIALS = """
import ctypes, json, os, resource, signal, socket, struct, sys

from worker.door import process
from worker.launcher.kernel import IS_LINUX

listener = socket.create_server(("127.0.0.1", 0))
unused = socket.socket()
dialled = socket.create_connection(listener.getsockname())
process.harden(os.getppid())
process.confine()

def of(action):
    try:
        action()
        return "done"
    except OSError as error:
        return error.strerror

libc = ctypes.CDLL(None, use_errno=True)
MSG_FASTOPEN = 0x20000000

def disconnect(connected):
    if libc.connect(connected.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

print(json.dumps({
    "reads the system's users": of(lambda: open("/etc/passwd")),
    "reads its own code": of(lambda: open(process.__file__)),
    "writes a file": of(lambda: open(sys.argv[1], "w")),
    "makes a socket": of(socket.socket),
    "connects": of(lambda: unused.connect(listener.getsockname())),
    "disconnects": of(lambda: disconnect(dialled)),
    "connects by sending": of(lambda: unused.sendto(b"x", MSG_FASTOPEN, listener.getsockname())),
    "listens": of(lambda: unused.listen()),
    "binds": of(lambda: unused.bind(("127.0.0.1", 0))),
    "forks": of(os.fork),
    "kills its parent": of(lambda: os.kill(os.getppid(), 0)),
    "reads certificates": of(lambda: os.listdir("/etc/ssl/certs")),
    "is dumpable": libc.prctl(3, 0, 0, 0, 0),
    "has no new privileges": libc.prctl(39, 0, 0, 0, 0),
    "core bytes": resource.getrlimit(resource.RLIMIT_CORE)[0],
}))
"""


@pytest.fixture
async def found(tmp_path: Path) -> dict[str, Any]:
    trial = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TRIALS, str(tmp_path / "file")), stdout=asyncio.subprocess.PIPE, cwd=PROJECT
    )
    output, _ = await asyncio.wait_for(trial.communicate(), doors.LIMIT_S)
    answers: dict[str, Any] = json.loads(output)
    return answers


@pytest.mark.skipif(not landlock.abi() or not seccomp.is_supported(), reason="this kernel has no Landlock")
async def test_process_can_do_nothing_but_serve(found: dict[str, Any]) -> None:
    refused = {
        *("reads the system's users", "reads its own code", "writes a file", "makes a socket", "connects", "binds"),
        *("disconnects", "connects by sending", "listens", "forks", "kills its parent"),
    }
    assert {name: found[name] for name in refused} == dict.fromkeys(refused, "Permission denied")


@pytest.mark.skipif(sys.platform != "linux", reason="these are of Linux")
async def test_process_cannot_be_read_by_others(found: dict[str, Any]) -> None:
    assert (found["is dumpable"], found["has no new privileges"], found["core bytes"]) == (0, 1, 0)


@pytest.mark.skipif(not Path("/etc/ssl/certs").is_dir(), reason="this system keeps its certificates elsewhere")
async def test_process_can_read_certificates(found: dict[str, Any]) -> None:
    assert found["reads certificates"] == "done"
