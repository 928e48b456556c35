"""A server of plain HTTP in front of an API server, which records what it is asked and on how many connections."""

import http.server
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

HOP_HEADERS = frozenset({"connection", "host", "transfer-encoding", "content-length"})


@dataclass
class RecordingRelay:
    """Requests as `METHOD /path?query STATUS`, in the order of their ends."""

    client: httpx.Client
    requests: list[str] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                relay.connections += 1
                super().setup()

            def do_GET(self) -> None:
                relay.forward(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="relay", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "RecordingRelay":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def taken(self) -> list[str]:
        """What was recorded since the last call."""
        taken, self.requests = self.requests, []
        return taken

    def forward(self, asked: Any) -> None:
        """Passes a request on, and its answer back."""
        body = asked.rfile.read(int(asked.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in HOP_HEADERS}
        with self.client.stream(asked.command, asked.path, content=body, headers=headers) as answer:
            content = b"".join(answer.iter_raw())
        self.requests.append(f"{asked.command} {asked.path} {answer.status_code}")
        asked.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_HEADERS:
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(content)))
        asked.end_headers()
        asked.wfile.write(content)
