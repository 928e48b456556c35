"""The kernel's part: what a stage cannot do, whatever program it is."""

import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.worker.launcher.test_launcher_support import (
    PYTHON,
    needs_landlock,
    needs_seccomp,
    python,
    python_sandbox,
    run_to_end,
    spec_of,
    static_program,
)
from worker.launcher import landlock
from worker.launcher.client import Launcher
from worker.launcher.protocol import SandboxRules
from worker.run import own_listeners
from worker.run.own_listeners import CHOSEN_BY_THE_KERNEL

pytestmark = needs_landlock

needs_network_rules = pytest.mark.skipif(landlock.abi() < 4, reason=f"Landlock ABI {landlock.abi()} has no TCP rules")
needs_scopes = pytest.mark.skipif(landlock.abi() < 6, reason=f"Landlock ABI {landlock.abi()} has no scopes")


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    started = await Launcher.start(tmp_path / "work")
    yield started
    await started.close()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    directory = tmp_path / "job"
    directory.mkdir()
    return directory


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def attempt(
    launcher: Launcher, job: Path, code: str, *, rules: SandboxRules | None = None, inherited: tuple[int, ...] = ()
) -> str:
    """What the code printed, or the name of the error that it died of."""
    wrapped = f"import os, socket, signal, sys\ntry:\n    {code}\nexcept OSError as error: print(type(error).__name__)"
    spec = spec_of(python(wrapped), job, sandbox=rules or python_sandbox(job))
    output = await run_to_end(launcher, spec, inherited=inherited)
    assert output.exit.exit_code == 0, output
    return output.text.strip()


async def test_static_program_runs_with_nothing_but_itself(launcher: Launcher, job: Path) -> None:
    program = static_program(job.parent)

    spec = spec_of([str(program)], job, sandbox=SandboxRules(execute=(str(program),)))

    assert (await run_to_end(launcher, spec)).exit.exit_code == 0


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd')",
        "os.listdir('/')",
        "open('/proc/1/environ')",
        "open('../beside', 'w')",
        "os.execv('/usr/bin/env', ['env'])",
        "os.mknod('device', 0o20600, os.makedev(1, 3))",
    ],
    ids=["read", "list", "proc", "write-beside", "execute", "device"],
)
async def test_everything_outside_is_denied(launcher: Launcher, job: Path, code: str) -> None:
    assert await attempt(launcher, job, code) == "PermissionError"


async def test_job_directory_is_fully_usable(launcher: Launcher, job: Path) -> None:
    code = """
    os.makedirs('a/b'); open('a/b/file', 'w').write('text'); os.rename('a/b/file', 'a/moved')
    os.symlink('moved', 'a/link'); os.truncate('a/moved', 2); print(open('a/link').read()); os.remove('a/moved')
"""
    assert await attempt(launcher, job, code.strip()) == "te"


async def test_what_was_written_is_not_executable(launcher: Launcher, job: Path) -> None:
    program = static_program(job)

    assert await attempt(launcher, job, f"os.execv({str(program)!r}, ['copy'])") == "PermissionError"


async def test_readable_and_writable_files_are_that_and_no_more(launcher: Launcher, job: Path) -> None:
    readable, writable = job.parent / "readable", job.parent / "writable"
    readable.write_text("read me")
    writable.write_text("")
    rules = python_sandbox(job)
    rules = replace(rules, read=(str(readable), "/no/such/file"), write=(*rules.write, str(writable)))

    assert await attempt(launcher, job, f"print(open({str(readable)!r}).read())", rules=rules) == "read me"
    assert await attempt(launcher, job, f"open({str(readable)!r}, 'a')", rules=rules) == "PermissionError"
    assert await attempt(launcher, job, f"print(open({str(writable)!r}, 'w').write('x'))", rules=rules) == "1"


async def test_memfd_is_readable_without_any_rule(launcher: Launcher, job: Path) -> None:
    secret = os.memfd_create("kubeconfig")
    os.write(secret, b"apiVersion: v1")

    code = "print(open('/proc/self/fd/3').read())"

    assert await attempt(launcher, job, code, inherited=(secret,)) == "apiVersion: v1"
    os.close(secret)


@needs_network_rules
async def test_only_the_named_port_is_connected_to(launcher: Launcher, job: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    code = f"socket.create_connection(('127.0.0.1', {port}), 5); print('connected')"

    assert await attempt(launcher, job, code, rules=python_sandbox(job, connect_ports=(port,))) == "connected"
    assert await attempt(launcher, job, code, rules=python_sandbox(job, connect_ports=None)) == "connected"
    other = python_sandbox(job, connect_ports=(port + 1,))
    assert await attempt(launcher, job, code, rules=other) == "PermissionError"


@needs_network_rules
@needs_seccomp
@pytest.mark.parametrize(
    "sends",
    ["sendto(b'x', 0x20000000, address)", "sendmsg([b'x'], [], 0x20000000, address)"],
    ids=["sendto", "sendmsg"],
)
async def test_nothing_is_connected_to_by_sending(
    launcher: Launcher, job: Path, listener: socket.socket, sends: str
) -> None:
    code = f"address = {listener.getsockname()}; socket.socket().{sends}; print('connected')"

    for ports in ((), None):
        rules = python_sandbox(job, connect_ports=ports)
        assert await attempt(launcher, job, code, rules=rules) == "PermissionError"


@needs_network_rules
async def test_no_port_is_listened_on_unless_named(launcher: Launcher, job: Path) -> None:
    code = "socket.create_server(('127.0.0.1', 0)); print('bound')"

    assert await attempt(launcher, job, code) == "PermissionError"
    assert await attempt(launcher, job, code, rules=python_sandbox(job, bind_ports=(0,))) == "bound"


@needs_network_rules
@needs_seccomp
async def test_nothing_listens_without_binding(launcher: Launcher, job: Path) -> None:
    """The kernel then chooses a port of its own, on all addresses, and Landlock does not judge it."""
    code = "socket.socket().listen(); print('listens')"

    assert await attempt(launcher, job, code) == "PermissionError"
    assert await attempt(launcher, job, code, rules=python_sandbox(job, connect_ports=None)) == "PermissionError"
    for permission in ({"bind_ports": (0,)}, {"own_ranges": ((40_000, 40_001),)}, {"listens": True}):
        assert await attempt(launcher, job, code, rules=replace(python_sandbox(job), **permission)) == "listens"


@needs_network_rules
async def test_own_listener_is_reached_and_no_other_port(
    launcher: Launcher, job: Path, listener: socket.socket
) -> None:
    outside = listener.getsockname()[1]
    rules = replace(
        python_sandbox(job), own_ranges=own_listeners.ports(frozenset({outside})), bind_ports=(CHOSEN_BY_THE_KERNEL,)
    )
    listens = "server = socket.create_server(('127.0.0.1', 0)); port = server.getsockname()[1]"
    connects = "socket.create_connection(('127.0.0.1', port), 5).close()"
    again = "server.close(); server = socket.create_server(('127.0.0.1', port))"

    assert await attempt(launcher, job, f"{listens}; {connects}; {again}; {connects}; print('both')", rules=rules) == (
        "both"
    )
    for port in (outside, 1, 443):
        code = f"port = {port}; {connects}"
        assert await attempt(launcher, job, code, rules=rules) == "PermissionError"
    assert await attempt(launcher, job, "socket.create_server(('127.0.0.1', 8080))", rules=rules) == "PermissionError"


@needs_seccomp
@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [(2, 1, 262), (10, 1, 262), (2, 1, 132), (2, 5, 132), (2, 2, 136), (43, 1, 0), (40, 1, 0), (17, 3, 0)],
    ids=["mptcp", "mptcp over ipv6", "sctp", "sctp messages", "udp lite", "smc", "vsock", "packets"],
)
async def test_socket_that_no_rule_would_hold_is_not_made(
    launcher: Launcher, job: Path, family: int, kind: int, protocol: int
) -> None:
    code = f"socket.socket({family}, {kind}, {protocol}); print('made')"
    rules = python_sandbox(job, connect_ports=None)
    expected = errno.EPROTONOSUPPORT if family in (socket.AF_INET, socket.AF_INET6) else errno.EAFNOSUPPORT

    told = f"try: {code}\n    except OSError as error: print(error.errno)"
    assert await attempt(launcher, job, told, rules=rules) == str(expected)


@needs_seccomp
async def test_sockets_of_the_kinds_that_clis_use_are_made(launcher: Launcher, job: Path) -> None:
    kinds = [(1, 1, 0), (2, 1, 0), (10, 1, 0), (2, 1, 6), (2, 2, 17), (2, 2, 0), (16, 3, 0)]
    code = f"print([socket.socket(*kind).close() for kind in {kinds}])"

    assert await attempt(launcher, job, code, rules=python_sandbox(job)) == str([None] * len(kinds))


@needs_scopes
async def test_no_process_outside_is_signalled(launcher: Launcher, job: Path) -> None:
    for pid in (os.getpid(), launcher.pid):
        assert await attempt(launcher, job, f"os.kill({pid}, 0)") == "PermissionError"


@needs_scopes
async def test_no_abstract_socket_outside_is_reached(launcher: Launcher, job: Path) -> None:
    name = f"\0mcp-k8s-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        code = f"socket.socket(socket.AF_UNIX).connect({name!r})"

        assert await attempt(launcher, job, code) == "PermissionError"


@needs_seccomp
@pytest.mark.parametrize(
    "code",
    [
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
        "socket.socketpair()",
        "os.fork() or os._exit(0)",
        "os.waitpid(os.posix_spawn(sys.executable, ['python', '-ISc', ''], {}), 0)",
        "import subprocess; subprocess.run([sys.executable, '-ISc', ''])",
    ],
)
async def test_stage_that_is_to_be_alone_has_neither_sockets_nor_children(
    launcher: Launcher, job: Path, code: str
) -> None:
    rules = python_sandbox(job, connect_ports=None)

    assert await attempt(launcher, job, code, rules=rules) == ""
    assert await attempt(launcher, job, code, rules=replace(rules, alone=True)) == "PermissionError"


@needs_seccomp
async def test_stage_that_is_alone_may_have_threads(launcher: Launcher, job: Path) -> None:
    code = "import threading; t = threading.Thread(target=print, args=['ran']); t.start(); t.join()"

    assert await attempt(launcher, job, code, rules=replace(python_sandbox(job), alone=True)) == "ran"


@needs_seccomp
@pytest.mark.parametrize(("number", "error"), [(425, errno.EACCES), (435, errno.ENOSYS)], ids=["io_uring", "clone3"])
async def test_no_call_gets_around_it(launcher: Launcher, job: Path, number: int, error: int) -> None:
    code = f"import ctypes; c = ctypes.CDLL(None, use_errno=True); c.syscall({number}, 0, 0); print(ctypes.get_errno())"

    assert await attempt(launcher, job, code, rules=replace(python_sandbox(job), alone=True)) == str(error)
    assert await attempt(launcher, job, code) != str(error)


async def test_program_that_may_not_execute_is_reported(launcher: Launcher, job: Path) -> None:
    spec = spec_of([PYTHON, "--version"], job, sandbox=SandboxRules(read=("/",)))

    ended = (await run_to_end(launcher, spec)).exit

    assert (ended.started, ended.error) == (False, "exec: Permission denied")
