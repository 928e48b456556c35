"""The product with canaries around it: gateways of each security mode, one worker, and what no command may touch."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from shared.models import CommandResponse, FailureCode
from shared.settings import SecurityMode
from tests.security.attack import Attack, End
from tests.support import leftovers, processes
from tests.support.api_server import ApiServer
from tests.support.caller import TIMEOUT_S, encoded
from tests.support.canaries import RAN, Listener, Planted
from tests.support.product import START_TIMEOUT_S, Process, Product, is_serving
from tests.support.waiting import wait_blocking, wait_until

PASSWD = "root:x:0:0"
LATE = "strict without early refusals"
GATEWAYS: Mapping[str, Mapping[str, str]] = {
    **{mode: {"K8S_MCP_SECURITY_MODE": mode} for mode in SecurityMode},
    LATE: {"K8S_MCP_SECURITY_MODE": SecurityMode.STRICT, "K8S_MCP_REFUSE_EARLY": "false"},
}
"""Settings of each gateway, by its mode."""
ANNOUNCED = '"worker announced"'


@dataclass(frozen=True)
class Seen:
    """What a caller got: `text` is the answer, and all events of the job, which hold its output."""

    status: int
    text: str
    job_id: str | None = None
    response: CommandResponse | None = None


@dataclass(frozen=True)
class Scene:
    """Lives as long as the session; each test finds its canaries untouched."""

    product: Product
    gateways: Mapping[str, str]
    worker: Process
    api_server: ApiServer
    planted: Planted
    inside: Listener
    """Counts as a service of our own, as Redis does: no command may call it."""
    elsewhere: Listener
    """Somebody's server, which nobody's kubeconfig names."""
    tools: frozenset[str]
    """Those that the worker has."""
    requests: list[int] = field(default_factory=list)
    """How many requests the API server had got when the last check ended; empty from an attempt on to its check."""
    before: list[int] = field(default_factory=list)
    """The same when the last attempt began."""

    def filled(self, attack: Attack) -> Attack:
        """The attack with the canaries' places in it."""
        return attack.with_texts(self.filled_text)

    def filled_text(self, text: str) -> str:
        """The same for any text."""
        for word, place in (
            ("@HOME@", str(self.planted.home)),
            ("@FOLDER@", str(self.planted.folder)),
            ("@PROGRAM@", str(self.planted.program)),
            ("@MARKS@", str(self.planted.marks)),
            ("@INSIDE@", self.inside.place),
            ("@INSIDE_PORT@", str(self.inside.port)),
            ("@ELSEWHERE@", self.elsewhere.place),
            ("@API@", self.api_server.url),
        ):
            text = text.replace(word, place)
        return text

    async def attempt(self, mode: str, attack: Attack) -> Seen:
        """Sends it as any client would."""
        await self.expect()
        sent = self.filled(attack)
        body = {"command": sent.command, "stdin": sent.stdin, "files": dict(sent.files), **sent.fields}
        headers = {"X-Kubeconfig": encoded(self.api_server.kubeconfig())} if sent.has_kubeconfig else {}
        async with self.http(mode) as http:
            answer = await http.post(f"/tools/{sent.tool}", json=body, headers={**headers, **sent.headers})
            if answer.status_code != httpx.codes.OK:
                return Seen(answer.status_code, answer.text)
            return await seen(http, CommandResponse.model_validate_json(answer.text))

    async def expect(self) -> None:
        """Must come before an attempt: what reaches the API server from now on counts as the attempt's."""
        self.before[:] = self.requests or [(await self.api_server.heard()).requests]
        self.requests.clear()

    def http(self, mode: str) -> httpx.AsyncClient:
        """Without certificates, whose reading costs more than the request."""
        return httpx.AsyncClient(base_url=self.gateways[mode], timeout=TIMEOUT_S, trust_env=False, verify=False)

    async def check(self, found: Seen, end: End) -> None:
        """That it ended like this, and touched no canary."""
        requests = await self.check_canaries(found)
        is_refused = httpx.codes.is_client_error(found.status)
        if end is End.REFUSED_OR_HARMLESS:
            assert is_refused or found.status == httpx.codes.OK, found
            return
        assert is_refused == (end is End.REFUSED), found
        if end is End.REFUSED:
            assert requests == 0
        else:
            assert found.response is not None, found
            assert end not in {End.FAILED, End.DENIED} or not found.response.success, found
            assert end is not End.DENIED or found.response.code is FailureCode.EFFECT_DENIED, found

    async def check_canaries(self, found: Seen) -> int:
        """Effects alone; how many requests the API server got since the last check."""
        shown = [text for text in (self.planted.text, PASSWD, RAN) if text in found.text]
        heard = await self.api_server.heard(self.planted.text, PASSWD)
        self.requests[:] = [heard.requests]
        assert (shown, heard.texts) == ([], []), found
        assert list(self.planted.marks.iterdir()) == []
        assert (self.inside.heard, self.elsewhere.heard) == ([], [])
        if found.job_id is not None:
            assert self.reached(found.job_id) <= {("127.0.0.1", self.api_server.port)}
            await wait_until(lambda: not leftovers.files_of_jobs(*self.planted.home.glob("mcp-k8s-*")))
        return heard.requests - self.before[0]

    def reached(self, job_id: str) -> set[tuple[str, int]]:
        """Where the worker's proxy let the job's command connect to."""
        lines = [json.loads(line) for line in self.worker.output().splitlines() if '"event": "egress"' in line]
        mine = (line for line in lines if line["job_id"] == job_id and line["decision"] == "allowed")
        return {(line["host"], line["port"]) for line in mine}

    def reset(self) -> None:
        """What one test's failure left must not fail the next."""
        self.inside.heard.clear()
        self.elsewhere.heard.clear()
        for mark in self.planted.marks.iterdir():
            mark.unlink()


async def seen(http: httpx.AsyncClient, response: CommandResponse) -> Seen:
    """A finished job with all that can be read of it."""
    events = await http.get(f"/jobs/{response.job_id}/events")
    return Seen(httpx.codes.OK, response.model_dump_json() + events.text, response.job_id, response)


@contextmanager
def scene(redis_url: str, directory: Path, api_server: ApiServer) -> Iterator[Scene]:
    """Starts all of it."""
    planted = Planted(directory)
    with Listener() as inside, Listener() as elsewhere, Product(redis_url, directory) as product:
        planted.plant(inside.place)
        starting = {mode: product.start_gateway(**settings) for mode, settings in GATEWAYS.items()}
        product.addresses.append(inside.place)
        worker = product.start("worker", **_temptations(planted, inside))
        gateways = {mode: _serving(product, mode, *first) for mode, first in starting.items()}
        wait_blocking(lambda: ANNOUNCED in worker.output(), timeout_s=START_TIMEOUT_S)
        processes.long_lived.update(process.pid for process in product.processes)
        status = httpx.get(f"{gateways[SecurityMode.STRICT]}/tools/status").json()
        tools = frozenset(name for name, entry in status.items() if entry["available"])
        yield Scene(product, gateways, worker, api_server, planted, inside, elsewhere, tools)


def _serving(product: Product, mode: str, url: str, process: Process) -> str:
    """The URL of a gateway that answers: another one where somebody took the first one's port before it did."""
    try:
        wait_blocking(lambda: is_serving(url, process), timeout_s=START_TIMEOUT_S)
    except RuntimeError:
        second_url, second = product.start_gateway(**GATEWAYS[mode])
        wait_blocking(lambda: is_serving(second_url, second), timeout_s=START_TIMEOUT_S)
        return second_url
    return url


def _temptations(planted: Planted, inside: Listener) -> dict[str, str]:
    """An environment in which a CLI that got it would find an identity, a plugin, and a secret."""
    return {
        "CANARY": planted.text,
        "KUBECONFIG": str(planted.home / ".kube" / "config"),
        "KUBERNETES_SERVICE_HOST": inside.place.partition(":")[0],
        "KUBERNETES_SERVICE_PORT": str(inside.port),
        "HELM_PLUGINS": str(planted.home / ".local/share/helm/plugins"),
        "ARGOCD_SERVER": inside.place,
        "ARGOCD_AUTH_TOKEN": planted.text,
        "K8S_MCP_LOG_LEVEL": "debug",
        "K8S_MCP_OBSERVE_REQUESTS": "true",
        "K8S_MCP_KILL_GRACE_S": "0.5",
    }
