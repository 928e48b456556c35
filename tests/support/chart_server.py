"""One chart over HTTP, as a chart repository and as a read-only OCI registry.

https://helm.sh/docs/topics/chart_repository/ and the pull half of https://github.com/opencontainers/distribution-spec
"""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import yaml

HOST = "127.0.0.2"
"""Not the API server's address: on that server's port, which is the one that a sandboxed command may connect to."""
VERSION = "1.0.0"
CHART_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class ChartServer:
    """Serves until the block ends; `files` is the chart, path inside it → text."""

    def __init__(self, port: int, *, name: str, files: Mapping[str, str]) -> None:
        self._port = port
        self._name = name
        self._pages = _pages(name, files, self.url)
        self._server = ThreadingHTTPServer((HOST, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="chart server", daemon=True)

    def __enter__(self) -> "ChartServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def registry(self) -> str:
        return f"oci://{HOST}:{self._port}/charts"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self._pages

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                found = pages.get(self.path)
                kind, body = found or ("text/plain", b"not found")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if with_body:
                    self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        return Handler


def _pages(name: str, files: Mapping[str, str], url: str) -> dict[str, tuple[str, bytes]]:
    """Path → media type and body."""
    archive = _archive(name, files)
    archive_name = f"{name}-{VERSION}.tgz"
    metadata = yaml.safe_load(files["Chart.yaml"])
    entry = {**metadata, "urls": [f"{url}/{archive_name}"], "digest": hashlib.sha256(archive).hexdigest()}
    config = json.dumps(metadata).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": [_descriptor(CHART_TYPE, archive)],
        }
    ).encode()
    repository = f"/v2/charts/{name}"
    index = yaml.safe_dump({"apiVersion": "v1", "entries": {name: [entry]}}).encode()
    return {
        "/index.yaml": ("application/yaml", index),
        f"/{archive_name}": ("application/gzip", archive),
        "/v2/": ("application/json", b"{}"),
        f"{repository}/manifests/{VERSION}": (MANIFEST_TYPE, manifest),
        f"{repository}/manifests/{_digest(manifest)}": (MANIFEST_TYPE, manifest),
        f"{repository}/blobs/{_digest(config)}": ("application/octet-stream", config),
        f"{repository}/blobs/{_digest(archive)}": ("application/octet-stream", archive),
        f"{repository}/tags/list": ("application/json", json.dumps({"tags": [VERSION]}).encode()),
    }


def _archive(name: str, files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def _descriptor(kind: str, body: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(body), "size": len(body)}


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
