"""helm against a real cluster: charts in `files`, from a repository and from a registry."""

import json

import pytest

from tests.e2e import manifests
from tests.e2e.user import User
from tests.support.chart_server import ChartServer

CHART = manifests.chart()


async def test_installed_release_is_listed_and_described(user: User) -> None:
    installed = await user.output("helm", "install web ./web --wait --timeout 60s -f values.yaml", files=CHART)
    assert "STATUS: deployed" in installed
    assert "web runs 1 replicas." in installed
    assert "web-1.0.0" in await user.output("helm", "list")
    assert "STATUS: deployed" in await user.output("helm", "status web")
    assert "kind: Deployment" in await user.output("helm", "get manifest web")
    assert "1/1" in await user.output("kubectl", "get deploy web")


async def test_release_is_upgraded_rolled_back_and_removed(user: User) -> None:
    await user.output("helm", "upgrade --install web ./web", files=CHART)
    upgraded = manifests.chart(replicas=3)
    await user.output("helm", "upgrade web ./web -f values.yaml --wait --timeout 60s", files=upgraded)
    assert json.loads(await user.output("helm", "get values web -o json")) == {"replicas": 3}
    await user.output("helm", "rollback web 1 --wait --timeout 60s")
    history = json.loads(await user.output("helm", "history web -o json"))
    assert [(entry["revision"], entry["status"]) for entry in history] == [
        (1, "superseded"),
        (2, "superseded"),
        (3, "deployed"),
    ]
    assert "uninstalled" in await user.output("helm", "uninstall web")
    failed = await user.failure("helm", "status web")
    assert "list -A" in (failed.hint or "")


async def test_release_that_never_gets_ready_fails_and_says_where_to_look(user: User) -> None:
    stuck = manifests.chart(annotations=manifests.broken("CrashLoopBackOff"))
    failed = await user.failure("helm", "install web ./web -f values.yaml --wait --timeout 5s", files=stuck)
    assert "get pods" in (failed.hint or "")
    assert "CrashLoopBackOff" in await user.output("kubectl", "get pods")
    assert "failed" in await user.output("helm", "list")
    await user.output("helm", "uninstall web")


async def test_failed_upgrade_goes_back_to_what_ran(user: User) -> None:
    await user.output("helm", "install web ./web --wait --timeout 60s", files=CHART)
    stuck = manifests.chart(annotations=manifests.broken("ImagePullBackOff"))
    upgrade = "upgrade web ./web -f values.yaml --rollback-on-failure --timeout 5s"
    await user.failure("helm", upgrade, files=stuck)
    assert "STATUS: deployed" in await user.output("helm", "status web")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("template web ./web --set replicas=7", "replicas: 7"),
        ("lint ./web", "1 chart(s) linted, 0 chart(s) failed"),
        ("show chart ./web", "version: 1.0.0"),
        ("install web ./web --dry-run=server", "kind: Deployment"),
        ("version", "v4."),
    ],
)
async def test_charts_are_looked_at_without_a_release(user: User, command: str, names: str) -> None:
    assert names in await user.output("helm", command, files=CHART)
    assert (await user.output("helm", "list -q")).strip() == ""


async def test_taken_name_has_a_next_step(user: User) -> None:
    await user.output("helm", "install web ./web", files=CHART)
    failed = await user.failure("helm", "install web ./web", files=CHART)
    assert "history RELEASE" in (failed.hint or "")


async def test_chart_is_installed_from_a_repository(user: User, chart_server: ChartServer) -> None:
    await user.output("helm", f"install web web --repo {chart_server.url} --wait --timeout 60s")
    assert "web-1.0.0" in await user.output("helm", "list")
    assert "has been added" in await user.output("helm", f"repo add charts {chart_server.url}")
    assert "version: 1.0.0" in await user.output("helm", f"show chart web --repo {chart_server.url}")


async def test_chart_is_installed_from_a_registry(user: User, chart_server: ChartServer) -> None:
    chart = f"{chart_server.registry}/web --version 1.0.0 --plain-http"
    await user.output("helm", f"install web {chart} --wait --timeout 60s")
    assert "web-1.0.0" in await user.output("helm", "list")
    assert "appVersion" in await user.output("helm", f"show chart {chart}")


async def test_repository_of_an_earlier_command_is_not_there_and_that_is_said(user: User) -> None:
    failed = await user.failure("helm", "install web charts/web")
    assert "--repo URL" in (failed.hint or "")
