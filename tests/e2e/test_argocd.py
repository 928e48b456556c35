"""argocd against a real Argo CD, with the token of one of its users and without a kubeconfig."""

import asyncio
import json
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.effects import Effects, Limit
from shared.tools.argocd import server
from shared.tools.kubectl import definition as kubectl
from tests.e2e.user import User
from tests.support import door as doors
from tests.support.argo_cd import ArgoCd
from tests.support.door import Notes
from tests.support.e2e_tools import E2eTools
from tests.support.product import free_port
from worker.door.client.client import Visit

TRUST = "--insecure"
"""The server's certificate is its own."""


@pytest.fixture
def argo_user(user: User, argo_cd: ArgoCd) -> User:
    return user.with_argo_cd(argo_cd.server, argo_cd.token)


@pytest.fixture
async def app(argo_user: User, argo_cd: ArgoCd) -> str:
    """An application that is not synced yet; its name is the scenario's namespace."""
    name = argo_user.namespace
    await argo_user.output(
        "argocd",
        f"app create {name} --repo {argo_cd.repository.url} --path web --dest-server {argo_cd.cluster_url} "
        f"--dest-namespace {name} {TRUST}",
    )
    return name


async def synced(user: User, app: str) -> None:
    await user.output("argocd", f"app sync {app} --timeout 90 {TRUST}")
    await user.output("argocd", f"app wait {app} --health --sync --timeout 90 {TRUST}")


async def history(user: User, app: str) -> list[str]:
    """Ids of what was deployed, oldest first."""
    return (await user.output("argocd", f"app history {app} -o id {TRUST}")).split()


async def test_created_application_is_listed_and_described(argo_user: User, app: str) -> None:
    assert app in await argo_user.output("argocd", f"app list {TRUST}")
    found = json.loads(await argo_user.output("argocd", f"app get {app} -o json {TRUST}"))
    assert found["spec"]["destination"]["namespace"] == app


async def test_synced_application_runs_in_the_cluster(user: User, argo_user: User, app: str) -> None:
    await synced(argo_user, app)
    assert "1/1" in await user.output("kubectl", "get deploy web")
    resources = await argo_user.output("argocd", f"app resources {app} {TRUST}")
    assert "Deployment" in resources


async def test_difference_is_shown_before_and_none_after_the_sync(argo_user: User, app: str) -> None:
    before = await argo_user.run("argocd", f"app diff {app} {TRUST}")
    assert (before.exit_code, before.hint) == (1, kubectl.DIFFERENCES)
    assert "image: registry.example/web:1" in before.output
    await synced(argo_user, app)
    assert (await argo_user.output("argocd", f"app diff {app} {TRUST}")).strip() == ""


async def test_parameters_are_set_and_the_history_grows(argo_user: User, app: str) -> None:
    await synced(argo_user, app)
    await argo_user.output("argocd", f"app set {app} --sync-policy manual --revision main {TRUST}")
    await synced(argo_user, app)
    assert len(await history(argo_user, app)) == 2


async def test_application_is_rolled_back(user: User, argo_user: User, argo_cd: ArgoCd, app: str) -> None:
    await synced(argo_user, app)
    [first] = await history(argo_user, app)
    argo_cd.repository.commit(replicas=1, colour=app)
    await argo_user.output("argocd", f"app get {app} --hard-refresh {TRUST}")
    await synced(argo_user, app)
    colour = "get configmap web -o jsonpath='{.data.colour}'"
    assert await user.output("kubectl", colour) == app
    await argo_user.output("argocd", f"app rollback {app} {first} --timeout 90 {TRUST}")
    assert await user.output("kubectl", colour) != app


async def test_deleted_application_takes_its_objects_along(user: User, argo_user: User, app: str) -> None:
    await synced(argo_user, app)
    await argo_user.output("argocd", f"app delete {app} --yes --wait {TRUST}")
    assert app not in await argo_user.output("argocd", f"app list {TRUST}")
    await user.failure("kubectl", "get deploy web")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("version", "argocd-server"),
        ("proj list", "default"),
        ("proj get default", "default"),
        ("cluster list", "127.0.0.1"),
        ("account get-user-info", "tester"),
        ("account can-i sync applications default/web", "yes"),
        ("repo list", "REPO"),
    ],
)
async def test_reading_commands_answer(argo_user: User, command: str, names: str) -> None:
    assert names in await argo_user.output("argocd", f"{command} {TRUST}")


@pytest.mark.parametrize("flags", ["--grpc-web", "--grpc-web=false --plaintext=false"])
async def test_flags_about_the_connection_change_nothing_between_argocd_and_the_door(
    argo_user: User, app: str, flags: str
) -> None:
    assert app in await argo_user.output("argocd", f"app list {flags} {TRUST}")


async def test_server_that_is_not_reached_has_a_next_step(user: User, argo_cd: ArgoCd) -> None:
    failed = await user.with_argo_cd(f"127.0.0.1:{free_port()}", argo_cd.token).failure("argocd", "app list")
    assert "connection refused" in (failed.error or "")
    assert "X-Argocd-Server" in (failed.hint or "")


async def test_calls_that_change_something_are_told(argo_user: User, app: str) -> None:
    done = await argo_user.run("argocd", f"app sync {app} --async {TRUST}")
    # Over MCP the summary is part of the text.
    assert "1 Sync" in (done.changes.summary if done.changes else done.hint or "")


async def test_wrong_token_and_missing_application_have_a_next_step(
    user: User, argo_user: User, argo_cd: ArgoCd
) -> None:
    stranger = user.with_argo_cd(argo_cd.server, "wrong-token")
    failed = await stranger.failure("argocd", f"app list {TRUST}")
    assert "X-Argocd-Auth-Token" in (failed.hint or "")
    assert "wrong-token" not in (failed.error or "")
    failed = await argo_user.failure("argocd", f"app get nothing {TRUST}")
    assert "app list" in (failed.hint or "")


async def test_server_that_is_not_trusted_has_a_next_step(argo_user: User) -> None:
    for command in ("app list", "app list --grpc-web"):
        failed = await argo_user.failure("argocd", command)
        assert "--insecure" in (failed.hint or "")


async def test_login_is_refused_with_what_to_do_instead(argo_user: User) -> None:
    assert "X-Argocd-Auth-Token" in await argo_user.refusal("argocd", "login argocd.example --core")


@asynccontextmanager
async def visited(argo_cd: ArgoCd, effects: Effects) -> AsyncIterator[Visit]:
    """A visit of Argo CD at a door of the test's own."""
    async with (
        doors.running() as door,
        doors.visited(
            door,
            f"https://{argo_cd.server}",
            notary=Notes(),
            effects=effects,
            token=argo_cd.token,
            is_argo_cd=True,
            skips_verification=True,
        ) as visit,
    ):
        yield visit


async def printed(argocd: Path, visit: Visit, command: str, home: Path) -> tuple[int | None, str]:
    """Exit code and output of an argocd that takes the door for its server."""
    environment = {"HOME": str(home), "TMPDIR": str(home)}
    environment |= server.variables(visit.address.place, visit.address.access.pass_)
    process = await asyncio.create_subprocess_exec(
        str(argocd), *command.split(), env=environment, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_argocd_prints_why_the_door_refuses_a_call(
    argo_cd: ArgoCd, app: str, tools: E2eTools, tmp_path: Path
) -> None:
    argocd = tools.path("argocd")
    async with visited(argo_cd, Effects(limit=Limit.READ)) as visit:
        assert (await printed(argocd, visit, f"app get {app} --refresh", tmp_path))[0] == 0
        for command, call in ((f"app sync {app}", "Sync"), (f"app get {app} --hard-refresh", "Get")):
            code, output = await printed(argocd, visit, command, tmp_path)
            assert code != 0
            assert "code = PermissionDenied" in output
            assert f"{call} ApplicationService: the rule read refuses it" in output


async def test_dry_run_of_a_sync_is_no_read_because_argo_cd_keeps_it(
    user: User, argo_user: User, argo_cd: ArgoCd, app: str, tools: E2eTools, tmp_path: Path
) -> None:
    async with visited(argo_cd, Effects(limit=Limit.READ)) as visit:
        code, output = await printed(tools.path("argocd"), visit, f"app sync {app} --dry-run --async", tmp_path)
        assert (code == 0, "Sync ApplicationService: the rule read refuses it" in output) == (False, True)
    await argo_user.output("argocd", f"app sync {app} --dry-run {TRUST}")
    kept = user.cluster.api.get(f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{app}")
    assert kept["status"]["operationState"]["operation"]["sync"]["dryRun"]
    await user.failure("kubectl", "get deploy web")


async def test_token_is_not_made_where_the_mode_is_strict(argo_cd: ArgoCd, tools: E2eTools, tmp_path: Path) -> None:
    async with visited(argo_cd, Effects(limit=Limit.STRICT)) as visit:
        code, output = await printed(tools.path("argocd"), visit, "account generate-token", tmp_path)
        assert (code == 0, "CreateToken AccountService: the rule strict refuses it" in output) == (False, True)
