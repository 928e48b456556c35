"""A real Prometheus that scrapes the product, and promtool; `make prometheus` fetches them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import processes
from tests.support.product import START_TIMEOUT_S, Process, free_port
from tests.support.waiting import wait_blocking
from tools.prometheus import PrometheusMissingError, find

SCRAPE_INTERVAL = "1s"
TIMEOUT_S = 30.0


def binary(name: str) -> str:
    """Its path; the test is skipped where it is not to be had."""
    try:
        return str(find(name, os.environ))
    except PrometheusMissingError as error:
        pytest.skip(str(error))


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str
    process: Process

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of now. `AssertionError` with what Prometheus has against the expression."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=TIMEOUT_S)
        assert answer.status_code == httpx.codes.OK, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def has_data(self, expression: str) -> bool:
        """Whether it gives a number now: what is divided by nothing gives none."""
        return any(sample["value"][1] != "NaN" for sample in self.query(expression))


@contextmanager
def scraping(addresses: Sequence[str], directory: Path) -> Iterator[Prometheus]:
    """One for the whole session that asks each of the addresses every second, and has done so."""
    configuration = directory / "prometheus.yaml"
    scrape = {"job_name": "mcp-k8s", "static_configs": [{"targets": list(addresses)}]}
    configuration.write_text(
        yaml.safe_dump({"global": {"scrape_interval": SCRAPE_INTERVAL}, "scrape_configs": [scrape]})
    )
    url = f"127.0.0.1:{free_port()}"
    command = [
        binary("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={url}",
    ]
    process = Process("prometheus", command, {"HOME": str(directory)}, directory / "prometheus.log")
    processes.long_lived.add(process.pid)
    prometheus = Prometheus(f"http://{url}", process)
    try:
        wait_blocking(lambda: _scraped(prometheus) == len(addresses), timeout_s=START_TIMEOUT_S)
        yield prometheus
    finally:
        process.stop()


def _scraped(prometheus: Prometheus) -> int:
    if not prometheus.process.is_running:
        raise RuntimeError(f"Prometheus ended at its start:\n{prometheus.process.output()}")
    try:
        return sum(sample["value"][1] == "1" for sample in prometheus.query("up"))
    except (httpx.TransportError, AssertionError):
        return 0
