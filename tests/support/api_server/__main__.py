"""`python -m tests.support.api_server`: the server as a process of its own.

Prints one JSON line once it can be connected to (`Announcement`), and then nothing. Its files lie in a directory
that goes when it goes, unless one is named.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import uvicorn

from tests.support.api_server import app, certificates, kubeconfig
from tests.support.api_server.announcement import Announcement

HOST = "127.0.0.1"
BACKLOG = 512


def main() -> None:
    """Serves until a signal, or until stdin ends where that was asked for."""
    options = _options()
    with _directory(options.directory) as directory, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, options.port))
        listener.listen(BACKLOG)
        certificates.write(directory)
        announcement = _announcement(directory, listener.getsockname()[1], options.token)
        server = Server(_config(directory, options))
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(server, listener, announcement, ends_with_stdin=options.end_with_stdin))


class Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn raises them again at its end, before our directory is removed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """At once: what is stalled stays unanswered."""
        self.should_exit = self.force_exit = True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.api_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--token", default=secrets.token_urlsafe(24), help="the one it accepts; else a random one")
    parser.add_argument("--latency-ms", type=float, default=0, help="added to every request")
    parser.add_argument("--directory", type=Path, help="where CA and kubeconfig go, and stay")
    parser.add_argument("--end-with-stdin", action="store_true", help="a pipe: its holder's end is ours")
    return parser.parse_args()


@contextlib.contextmanager
def _directory(named: Path | None) -> Iterator[Path]:
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="mcp-k8s-api-") as temporary:
        yield Path(temporary)


def _announcement(directory: Path, port: int, token: str) -> Announcement:
    url = f"https://{HOST}:{port}"
    path = directory / "kubeconfig"
    path.touch(mode=0o600)
    ca_pem = (directory / "ca.pem").read_bytes()
    path.write_text(kubeconfig.text(url, ca_pem, token, kubeconfig.DEFAULT_CONTEXTS), encoding="utf-8")
    return Announcement(url=url, port=port, ca_path=str(directory / "ca.pem"), token=token, kubeconfig_path=str(path))


def _config(directory: Path, options: argparse.Namespace) -> uvicorn.Config:
    return uvicorn.Config(
        app.create(token=options.token, latency_s=options.latency_ms / 1000),
        ssl_certfile=str(directory / "server.pem"),
        ssl_keyfile=str(directory / "server-key.pem"),
        lifespan="off",
        log_level="warning",
        access_log=False,
    )


async def _serve(server: Server, listener: socket.socket, announcement: Announcement, *, ends_with_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.end)
    sys.stdout.write(json.dumps(asdict(announcement)) + "\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        lifeline = group.create_task(_end_with_stdin(server), name="lifeline") if ends_with_stdin else None
        await server.serve(sockets=[listener])
        if lifeline is not None:
            lifeline.cancel()


async def _end_with_stdin(server: Server) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    server.end()


if __name__ == "__main__":
    main()
