"""The stub CLI itself: `stub read|write ACTION [ARGUMENT]`. Standard library only; it runs in the sandbox."""

import _socket
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _hang(_: str) -> None:
    _say("started")
    while True:
        signal.pause()


def _ignore_term(_: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang("")


def _fail_on_term(_: str) -> None:
    """As helm does it: SIGTERM ends it in its own way."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _hang("")


def _read_file(path: str) -> None:
    """Without an argument the path comes by standard input, where no parser sees it."""
    _say(Path(path or sys.stdin.read()).read_text())


def _grandchild(_: str) -> None:
    if os.fork() == 0:
        _hang("")
    _say("parent done")


def _flood(size_bytes: str) -> None:
    left = int(size_bytes)
    while left > 0:
        left -= os.write(1, b"x" * min(left, 65536))


def _write_bytes(hexadecimal: str) -> None:
    sys.stdout.buffer.write(bytes.fromhex(hexadecimal))


def _numbers(count: str) -> None:
    """So many lines, each as soon as it is written."""
    for number in range(int(count)):
        _say(str(number))


def _drip(hexadecimal: str) -> None:
    """Byte by byte."""
    for byte in bytes.fromhex(hexadecimal):
        os.write(1, bytes([byte]))


def _fail(code: str) -> None:
    sys.stderr.write("it failed\n")
    sys.exit(int(code))


def _connected(place: str) -> _socket.socket:
    """Without any proxy, as no CLI does it."""
    host, _, port = place.partition(":")
    connection = _socket.socket()
    connection.connect((host, int(port)))
    return connection


def _connect(place: str) -> None:
    _connected(place.rpartition("/")[2]).close()
    _say("connected")


def _forbid(_: str) -> None:
    sys.stderr.write("Error from server (Forbidden): pods is forbidden\n")
    sys.exit(1)


def _counted(argument: str) -> None:
    """Tells the counting server that it runs, does what it shall, and tells that it ends (`tests.support.counting`)."""
    *_, place, mark, behaviour = argument.split("/")
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = _connected(place)
    connection.send(f"start {mark}\n".encode())
    connection.recv(64)
    _say("started")
    if behaviour in ("hold", "deaf"):
        connection.recv(64)
    elif behaviour.startswith("pause="):
        time.sleep(float(behaviour.removeprefix("pause=")))
    connection.send(f"end {mark}\n".encode())
    _say("ended")


def _list(_: str) -> None:
    _say("\n".join(sorted(str(path) for path in Path().rglob("*") if path.is_file())))


ACTIONS: dict[str, Callable[[str], None]] = {
    "ok": lambda _: _say("ok"),
    "say": _say,
    "fail": _fail,
    "forbid": _forbid,
    "sleep": lambda seconds: time.sleep(float(seconds)),
    "hang": _hang,
    "ignore-term": _ignore_term,
    "fail-on-term": _fail_on_term,
    "grandchild": _grandchild,
    "counted": _counted,
    "connect": _connect,
    "flood": _flood,
    "hex": _write_bytes,
    "numbers": _numbers,
    "drip": _drip,
    "environment": lambda _: _say(json.dumps(dict(os.environ))),
    "read-file": _read_file,
    "stdin": lambda _: _say(sys.stdin.read()),
    "list": _list,
    "die": lambda number: os.kill(os.getpid(), int(number)),
}


def main() -> None:
    """Does what the arguments say, and ends with its reader as Go programs do."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if sys.argv[1:] == ["version"]:
        _say("1.0")
        return
    ACTIONS[sys.argv[2]](sys.argv[3] if len(sys.argv) > 3 else "")


if __name__ == "__main__":
    main()
