"""What the pods of the chart are, whatever the values: contained, without an identity, and given time to end."""

from pathlib import Path

import pytest

from shared.settings import CommonSettings, GatewaySettings, WorkerSettings
from tests.support import own_chart
from tests.support.api_server import certificates
from tests.support.own_chart import Manifest, Rendered

SETTINGS: dict[str, type[CommonSettings]] = {"gateway": GatewaySettings, "worker": WorkerSettings}
URL = "redis://:password@redis:6379/0"
TLS_URL = "rediss+sentinel://:password@redis:26379/jobs/0"


def pods(chart: Rendered) -> list[Manifest]:
    templates = [*chart.of_kind("Deployment"), *chart.of_kind("StatefulSet")]
    return [template["spec"]["template"]["spec"] for template in templates]


def test_no_pod_has_an_identity(chart: Rendered) -> None:
    kinds = {manifest["kind"] for manifest in chart.manifests}

    assert not {kind for kind in kinds if "Role" in kind}
    assert chart.of_kind("ServiceAccount")[0]["automountServiceAccountToken"] is False
    for pod in pods(chart):
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == chart.of_kind("ServiceAccount")[0]["metadata"]["name"]
        assert pod["enableServiceLinks"] is False


def test_every_pod_is_contained(chart: Rendered) -> None:
    for pod in pods(chart):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] in {10001, 999}
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not any("hostPath" in volume for volume in pod["volumes"])


@pytest.mark.parametrize("component", SETTINGS)
def test_temporary_files_are_in_memory(chart: Rendered, component: str) -> None:
    pod = chart.pod(component)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}

    assert volumes[mounts["/tmp"]]["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("component", SETTINGS)
def test_secrets_are_files_and_never_in_the_environment(chart: Rendered, component: str) -> None:
    environment = chart.environment(component)
    pod = chart.pod(component)
    projected = next(volume["projected"] for volume in pod["volumes"] if volume["name"] == "secrets")

    assert environment["K8S_MCP_MASTER_KEYS_FILE"] == "/secrets/master-keys"
    assert environment["K8S_MCP_REDIS_URL_FILE"] == "/secrets/redis-url"
    assert not {"K8S_MCP_MASTER_KEYS", "K8S_MCP_REDIS_URL"} & environment.keys()
    assert not any("envFrom" in container for container in pod["containers"])
    files = {source["secret"]["items"][0]["path"] for source in projected["sources"]}
    assert files >= {"master-keys", "redis-url"}
    assert {f"/secrets/{file}" for file in files} <= set(environment.values())
    assert projected["defaultMode"] == 0o440


@pytest.mark.parametrize("component", SETTINGS)
def test_settings_are_known_and_fit(
    chart: Rendered, component: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS[component]
    environment = chart.environment(component)
    known = {f"K8S_MCP_{name.upper()}" for name in settings.model_fields}
    assert {name for name in environment if name not in known and name.removesuffix("_FILE") not in known} == set()

    certificates.write(tmp_path)
    (tmp_path / "ca.pem").rename(tmp_path / "ca.crt")
    url = TLS_URL if "K8S_MCP_REDIS_CA_FILE" in environment else URL
    (tmp_path / "master-keys").write_text(own_chart.render().secret("keys")["master-keys"])
    (tmp_path / "redis-url").write_text(url)
    (tmp_path / "redis-sentinel-password").write_text("password of sentinels")
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("/secrets", str(tmp_path)).replace("/redis-ca", str(tmp_path)))
    loaded = settings.load()

    assert loaded.redis_url.get_secret_value() == url
    assert loaded.redis_sentinel_password.get_secret_value() in {"", "password of sentinels"}


def test_longest_command_fits_into_every_grace(chart: Rendered) -> None:
    environment = chart.environment("worker")
    limit_s = float(environment["K8S_MCP_MAX_TIMEOUT"])
    drain_s = float(environment["K8S_MCP_DRAIN_TIMEOUT_S"])
    kill_grace_s = float(environment["K8S_MCP_KILL_GRACE_S"])

    assert chart.environment("gateway")["K8S_MCP_MAX_TIMEOUT"] == environment["K8S_MCP_MAX_TIMEOUT"]
    assert limit_s + 60 <= drain_s
    assert chart.pod("worker")["terminationGracePeriodSeconds"] >= drain_s + kill_grace_s + 30


def test_gateway_has_time_for_its_proxies_and_its_drain(chart: Rendered) -> None:
    pod = chart.pod("gateway")
    sleep_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = int(chart.environment("gateway")["K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S"])

    assert pod["terminationGracePeriodSeconds"] > sleep_s + drain_s


def test_one_value_moves_limit_drain_and_grace() -> None:
    chart = own_chart.render(timeLimits__maxSeconds=7200, worker__killGraceSeconds=20)

    assert chart.environment("worker")["K8S_MCP_DRAIN_TIMEOUT_S"] == "7260"
    assert chart.pod("worker")["terminationGracePeriodSeconds"] == 7310


def test_outage_of_redis_restarts_nothing(chart: Rendered) -> None:
    worker = chart.pod("worker")["containers"][0]
    gateway = chart.pod("gateway")["containers"][0]

    assert worker.get("livenessProbe", {"httpGet": {"path": "/livez"}})["httpGet"]["path"] == "/livez"
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_component_has_its_own_value_of_a_setting_of_both() -> None:
    level = "settings__K8S_MCP_LOG_LEVEL"
    chart = own_chart.render(**{level: "debug", f"worker__{level}": "error"})

    assert chart.environment("gateway")["K8S_MCP_LOG_LEVEL"] == "debug"
    assert chart.environment("worker")["K8S_MCP_LOG_LEVEL"] == "error"


def test_images_are_named_by_version_or_by_digest() -> None:
    digest = f"sha256:{'0' * 64}"
    chart = own_chart.render(worker__image__digest=digest)

    assert chart.pod("gateway")["containers"][0]["image"] == "registry.example/gateway:0.1.0"
    assert chart.pod("worker")["containers"][0]["image"] == f"registry.example/worker@{digest}"
