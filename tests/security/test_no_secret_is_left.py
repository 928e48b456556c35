"""Two hundred requests with a word of secret in each of their parts, and then a look wherever it could be left."""

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.asyncio import Redis

from tests.integration.cli.family import Family
from tests.integration.end_to_end.system import System, needs_proc, start
from tests.support import cli, leftovers, processes
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of, encoded
from tests.support.collector import Collector, collecting
from tests.support.leaks import everything_in, leaks
from tests.support.mcp_caller import MODES, mcp_client
from tests.support.product import PROJECT, Product, free_port
from tests.support.valkey import APPEND_ONLY, Valkey, long_lived
from tests.support.waiting import wait_until

REQUESTS = 200
AT_ONCE = 12
WORD = f"canary{secrets.token_hex(12)}"
"""Part of all that is planted, so that one search finds any of it."""
NOWHERE = "127.0.0.1:1"
OUTCOMES = {"succeeded", "failed", "timed_out", "flag-refused", "kubeconfig-invalid", "request-invalid"}
END_TIMEOUT_S = 60.0
CLOSED = 13
BECOME = "import sys; from tests.support.without_ptrace import become; become(sys.argv[1:])"
SLEEP = "import sys; print(flush=True); sys.stdin.read()"
LOOK = f"""
import sys
try:
    open(f'/proc/{{sys.argv[1]}}/environ', 'rb').read()
except PermissionError:
    sys.exit({CLOSED})
"""

pytestmark = [needs_proc, pytest.mark.timeout(300)]
Send = Callable[["Scene", str], Awaitable[None]]


@dataclass
class Scene:
    """The product with all that it writes to, and one client of it."""

    system: System
    valkey: Valkey
    collector: Collector
    api_server: ApiServer
    caller: Caller
    worker_metrics: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    seen: list[str] = field(default_factory=list)
    """What callers got."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be found nowhere: the word, what opens the cluster, and the middle of the client key."""
        return WORD, self.api_server.token, _pem(self.key).splitlines()[1]

    async def send(self, tool: str, command: str, *, kubeconfig: str | None = None, **options: Any) -> None:
        """Whatever comes of it."""
        headers = {"X-Kubeconfig": encoded(kubeconfig or self.caller.kubeconfig), **options.pop("headers", {})}
        body = {"command": command, **options}
        answer = await self.caller.http.post(f"/tools/{tool}", json=body, headers=headers)
        self.seen.append(answer.text)


@dataclass(frozen=True)
class Place:
    """Settings of the product that say where it listens."""

    system: System
    worker_metrics: str


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    with long_lived(APPEND_ONLY) as server:
        yield server


@pytest.fixture(scope="module")
def place(valkey: Valkey, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """It says all that it can say."""
    directory, port = tmp_path_factory.mktemp("planted"), free_port()
    with Product(valkey.url, directory, entry="tests.support.without_ptrace") as product:
        system = start(
            product,
            gateways=1,
            workers=1,
            K8S_MCP_LOG_LEVEL="debug",
            K8S_MCP_SECURITY_MODE="permissive",
            K8S_MCP_KILL_GRACE_S="0.5",
            K8S_MCP_METRICS_PORT=str(port),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        )
        yield Place(system, f"http://127.0.0.1:{port}/metrics")


async def print_a_word(scene: Scene, word: str) -> None:
    await scene.send("stub", f"read hex {word.encode().hex()}")


async def print_an_argument(scene: Scene, word: str) -> None:
    await scene.send("stub", f"write say {word}", namespace="shop")


async def print_standard_input(scene: Scene, word: str) -> None:
    await scene.send("stub", "read stdin", stdin=word)


async def list_files(scene: Scene, word: str) -> None:
    await scene.send("stub", "read list", files={f"{word}/values.yaml": word})


async def fail(scene: Scene, word: str) -> None:
    await scene.send("stub", f"read fail 3 {word}", stdin=word)


async def end_by_a_signal(scene: Scene, word: str) -> None:
    await scene.send("stub", "read die 9", files={"values.yaml": word})


async def outlast_its_time(scene: Scene, word: str) -> None:
    await scene.send("stub", f"write hang {word}", stdin=word, timeout=1)


async def be_cancelled(scene: Scene, word: str) -> None:
    job_id = await scene.caller.running("stub", f"write hang {word}", stdin=word, files={"values.yaml": word})
    await scene.caller.cancel(job_id)
    await scene.caller.ended(job_id)


async def be_filtered(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pods -o name | grep {word}")


async def read_pods(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pods -l note!={word}")


async def miss_a_pod(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pod {word}")


async def apply_a_manifest(scene: Scene, word: str) -> None:
    await scene.send("kubectl", "apply -f -", stdin=_manifest(word))


async def apply_a_file(scene: Scene, word: str) -> None:
    await scene.send("kubectl", "apply --dry-run=client -f x.yaml", files={"x.yaml": _manifest(word)})


async def come_with_a_wrong_token(scene: Scene, word: str) -> None:
    await scene.send("kubectl", "get pods", kubeconfig=_with_user(scene, {"token": word}))


async def come_with_a_client_key(scene: Scene, word: str) -> None:
    user = {"client-certificate-data": _certificate(scene.key, word), "client-key-data": _encoded(_pem(scene.key))}
    await scene.send("kubectl", "get pods", kubeconfig=_with_user(scene, {**user, "token": scene.api_server.token}))


async def reach_nothing(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pod {word}", kubeconfig=scene.api_server.kubeconfig(url=f"https://{NOWHERE}"))


async def render_a_chart(scene: Scene, word: str) -> None:
    chart = {"web/Chart.yaml": "{apiVersion: v2, name: web, version: 1.0.0}", "web/templates/a.yaml": _manifest(word)}
    await scene.send("helm", f"template {word[:40]} ./web --set note={word}", files=chart)


async def list_releases(scene: Scene, word: str) -> None:
    await scene.send("helm", f"list --filter {word}")


async def analyse_a_file(scene: Scene, word: str) -> None:
    await scene.send("istioctl", "analyze --use-kube=false x.yaml", files={"x.yaml": _manifest(word)})


async def ask_argo_cd(scene: Scene, word: str) -> None:
    headers = {"X-Argocd-Server": NOWHERE, "X-Argocd-Auth-Token": word}
    await scene.send("argocd", f"app get {word}", headers=headers)


async def bring_flags_that_are_refused(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pods --token={word}")


async def bring_a_shell(scene: Scene, word: str) -> None:
    await scene.send("kubectl", f"get pods; echo {word}")


async def bring_a_program(scene: Scene, word: str) -> None:
    program = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": word, "args": [word]}}
    await scene.send("kubectl", "get pods", kubeconfig=_with_user(scene, program))


async def bring_what_is_no_kubeconfig(scene: Scene, word: str) -> None:
    await scene.send("kubectl", "get pods", kubeconfig=f"{word}: [{word}")


async def bring_an_unknown_field(scene: Scene, word: str) -> None:
    await scene.send("kubectl", "get pods", **{word: word}, stdin=word)


async def come_by_mcp(scene: Scene, word: str) -> None:
    mode = secrets.choice(MODES)
    async with mcp_client(scene.system.url, kubeconfig=scene.caller.kubeconfig, mode=mode) as client:
        arguments = {"command": "read stdin", "stdin": word, "kubeconfig": _with_user(scene, {"token": word})}
        scene.seen.append((await client.call_tool("stub", arguments)).model_dump_json())
        await client.call_tool("kubectl", {"command": f"get pods {word} --token={word}"})


KINDS: tuple[tuple[str, Send], ...] = (
    *(("stub", kind) for kind in (print_a_word, print_an_argument, print_standard_input, list_files, fail)),
    *(("stub", kind) for kind in (end_by_a_signal, outlast_its_time, be_cancelled, come_by_mcp)),
    *(("kubectl", kind) for kind in (be_filtered, read_pods, miss_a_pod, apply_a_manifest, apply_a_file)),
    *(("kubectl", kind) for kind in (come_with_a_wrong_token, come_with_a_client_key, reach_nothing)),
    *(("helm", kind) for kind in (render_a_chart, list_releases)),
    ("istioctl", analyse_a_file),
    ("argocd", ask_argo_cd),
    *(("kubectl", kind) for kind in (bring_flags_that_are_refused, bring_a_shell, bring_a_program)),
    *(("kubectl", kind) for kind in (bring_what_is_no_kubeconfig, bring_an_unknown_field)),
)


async def test_nothing_that_callers_sent_is_left_anywhere(
    place: Place, valkey: Valkey, collector: Collector, tmp_path: Path
) -> None:
    with ApiServer.start() as api_server:
        async with caller_of(place.system.url, api_server.kubeconfig()) as caller:
            scene = Scene(place.system, valkey, collector, api_server, caller, place.worker_metrics)
            hanging = await caller.running("stub", f"write hang {WORD}", stdin=WORD, files={"values.yaml": WORD})
            await _send_all(scene)
            during = {**await _kept(scene), **_processes(scene)}
            await caller.cancel(hanging)
            await caller.ended(hanging)
            await wait_until(
                lambda: not leftovers.files_of_jobs(*_directory(scene).glob("*/")), timeout_s=END_TIMEOUT_S
            )
            afterwards = {**await _kept(scene), **_processes(scene), **_files(_directory(scene)), **await _told(scene)}

    assert _outcomes(scene) >= OUTCOMES
    assert leaks("\n".join(scene.seen), WORD) == [WORD], "callers do get what they sent"
    assert hanging.encode() in during["Redis' memory"]
    assert _leaking(during, *scene.secrets) == {}
    assert _leaking(afterwards, *scene.secrets) == {}
    master_key = place.system.product.master_key
    assert _leaking({name: data for name, data in afterwards.items() if "environ" not in name}, master_key) == {}


def test_memory_of_what_holds_keys_is_closed_to_other_processes(place: Place) -> None:
    gateway, worker = place.system.product.processes
    with Family(worker.pid) as family:
        launcher = family.pid_of("worker.launcher")
    with subprocess.Popen(
        processes.dying_with_parent([sys.executable, "-c", BECOME, "-c", SLEEP]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    ) as sleeper:
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        looks = {pid: _look(pid) for pid in (sleeper.pid, gateway.pid, worker.pid, launcher)}
        sleeper.communicate()

    assert looks == {sleeper.pid: 0, gateway.pid: CLOSED, worker.pid: CLOSED, launcher: CLOSED}


def _look(pid: int) -> int:
    command = processes.dying_with_parent([sys.executable, "-c", BECOME, "-c", LOOK, str(pid)])
    return subprocess.run(command, check=False, cwd=PROJECT, timeout=END_TIMEOUT_S).returncode


def _outcomes(scene: Scene) -> set[str]:
    """How the requests ended: states of jobs, and slugs of refusals."""
    answers = [json.loads(text) for text in scene.seen]
    return {answer.get("state") or answer.get("type", "").rpartition(":")[2] for answer in answers}


async def _send_all(scene: Scene) -> None:
    usable = [send for tool, send in KINDS if tool == "stub" or cli.find_all(tool)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def send(number: int) -> None:
        async with turns:
            await usable[number % len(usable)](scene, f"{WORD}-{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(REQUESTS):
            group.create_task(send(number), name=f"send {number}")


async def _kept(scene: Scene) -> dict[str, bytes]:
    """What Redis has, in memory and in its files."""
    async with Redis.from_url(scene.valkey.url) as redis:
        memory = (await everything_in(redis)).encode()
    return {"Redis' memory": memory, **_files(scene.valkey.directory)}


async def _told(scene: Scene) -> dict[str, bytes]:
    """What the product tells of itself to who watches it."""
    async with httpx.AsyncClient(trust_env=False) as http:
        urls = (f"{scene.system.url}/metrics", scene.worker_metrics)
        metrics = {url: (await http.get(url, timeout=END_TIMEOUT_S)).raise_for_status().content for url in urls}
    assert scene.collector.received
    return {**metrics, "traces": scene.collector.received}


def _directory(scene: Scene) -> Path:
    """HOME and the place for temporary files of gateway and worker; their logs are there too."""
    return scene.system.product.directory


def _files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _processes(scene: Scene) -> dict[str, bytes]:
    """Arguments, environment and open files of gateway, worker and what lives as long as they do."""
    found: dict[str, bytes] = {}
    for process in scene.system.product.processes:
        with Family(process.pid) as family:
            kept = [pid for pid, command in family.commands.items() if WORD not in command]
        for pid in (process.pid, *kept):
            found.update(_process(Path(f"/proc/{pid}"), process.name))
    return found


def _process(folder: Path, name: str) -> Mapping[str, bytes]:
    """A running command has its arguments and is not part of the product, so it is left out."""
    found: dict[str, bytes] = {}
    try:
        for part in ("cmdline", "environ"):
            found[f"{name} {folder}/{part}"] = (folder / part).read_bytes()
        for link in (folder / "fd").iterdir():
            target = str(link.readlink())
            found[f"{name} {link}"] = target.encode()
            if target.startswith("/memfd:") or target.endswith(" (deleted)"):
                found[f"{name} {link} {target}"] = link.read_bytes()
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return found  # closed to us, or gone
    return found


def _leaking(places: Mapping[str, bytes], *words: str) -> dict[str, list[str]]:
    found = {name: leaks(data, *words) for name, data in places.items()}
    return {name: words for name, words in found.items() if words}


def _manifest(word: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x{secrets.token_hex(4)}}}\ndata: {{note: {word}}}\n"


def _with_user(scene: Scene, user: Mapping[str, Any]) -> str:
    config = yaml.safe_load(scene.api_server.kubeconfig())
    config["users"][0]["user"] = dict(user)
    return yaml.safe_dump(config)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _certificate(key: ec.EllipticCurvePrivateKey, subject: str) -> str:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    return _encoded(dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
