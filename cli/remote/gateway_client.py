"""A client of a gateway's REST API that survives restarts of the gateway."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from cli.errors import StartError

REQUEST_TIMEOUT_S = 30.0
SILENCE_S = 60.0
"""Seconds without data after which an event stream counts as broken: heartbeats come more often."""
PATIENCE_S = 60.0
"""Seconds to wait for a gateway that has answered before: a gateway restarts within seconds."""
FIRST_ANSWER_S = 3.0
"""Seconds to wait for a gateway that has never answered: its address is probably wrong."""
RETRY_DELAY_S = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a job."""

    name: str
    data: Mapping[str, Any]


class RemoteGateway:
    """Tries every call again while the gateway is away. Raises `StartError` when it gives up or a call is refused."""

    MOST_JOBS = 100
    """Largest number of jobs on one page."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._has_answered = False
        self._client = httpx2.Client(
            base_url=self.url, timeout=httpx2.Timeout(REQUEST_TIMEOUT_S, read=SILENCE_S), trust_env=False
        )

    def close(self) -> None:
        self._client.close()

    def submit(self, body: Mapping[str, Any], *, headers: Mapping[str, str]) -> str:
        """Queues the command and returns the job's id. A repeated request does not queue it twice."""
        own = {**headers, "Idempotency-Key": secrets.token_hex(16)}
        job: dict[str, Any] = self._ask("POST", "/jobs", json=dict(body), headers=own)
        return str(job["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/jobs/{job_id}")

    def jobs(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns one page of the caller's own jobs, newest first."""
        return self._ask("GET", "/jobs", params=dict(query))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancels the job and returns its state after that."""
        return self._ask("DELETE", f"/jobs/{job_id}")

    def events(self, job_id: str) -> Iterator[Event]:
        """Yields each event of the job once, up to its end, even if the gateway restarts."""
        last_id: str | None = None
        lost_at: float | None = None
        while True:
            try:
                for event_id, event in self._stream(job_id, last_id):
                    last_id, lost_at = event_id, None
                    yield event
                    if event.name == "end":
                        return
            except httpx2.TransportError:
                pass
            lost_at = lost_at or time.monotonic()
            self._wait_or_give_up(lost_at)

    def _stream(self, job_id: str, after: str | None) -> Iterator[tuple[str, Event]]:
        headers = {"Last-Event-ID": after} if after else {}
        with self._client.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
            if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
                return
            if response.is_error:
                raise StartError(_detail(response.read()))
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif not line and "data" in fields:
                    yield fields["id"], Event(fields["event"], json.loads(fields["data"]))
                    fields = {}

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        lost_at: float | None = None
        while True:
            try:
                answer = self._client.request(method, path, **options)
            except httpx2.TransportError:
                answer = None
            self._has_answered = self._has_answered or answer is not None
            if answer is not None and answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR:
                if answer.is_error:
                    raise StartError(_detail(answer.content))
                found: dict[str, Any] = answer.json()
                return found
            lost_at = lost_at or time.monotonic()
            self._wait_or_give_up(lost_at)

    def _wait_or_give_up(self, lost_at: float) -> None:
        if time.monotonic() - lost_at > (PATIENCE_S if self._has_answered else FIRST_ANSWER_S):
            raise StartError(
                f"no gateway answers at {self.url}: start one with `mcp-k8s up`, or name another with --url"
            )
        time.sleep(RETRY_DELAY_S)


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
        fields = [f"{each['field']}: {each['message']}" for each in problem.get("errors") or ()]
        return "; ".join(fields) or str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return "the gateway's answer cannot be read"
