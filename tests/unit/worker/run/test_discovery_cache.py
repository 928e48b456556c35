"""What is kept for whom, for how long, and what a command can leave there."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.models import CommandClass, Lane
from shared.sealing.envelope import Command, RequestEnvelope
from worker.run import discovery_files
from worker.run.discovery_cache import MAX_AGE_S, CacheLimits, DiscoveryCache, Loan

GROUPS = "discovery/host_6443/servergroups.json"
CORE = "discovery/host_6443/v1/serverresources.json"
ANSWER = f"http/{'a' * 64}"
CLUSTER = {"server": "https://host:6443", "certificate-authority-data": "Y2E="}
USER = {"token": "one"}


def request(
    *,
    cluster: Mapping[str, object] = CLUSTER,
    user: Mapping[str, object] = USER,
    command_class: CommandClass = CommandClass.READ,
    kubeconfig: str | None = None,
) -> RequestEnvelope:
    document = {"clusters": [{"name": "c", "cluster": dict(cluster)}], "users": [{"name": "u", "user": dict(user)}]}
    command = Command(
        tool="kubectl",
        arguments=("get", "pods"),
        verb=("get",),
        kubeconfig=json.dumps(document) if kubeconfig is None else kubeconfig,
    )
    return RequestEnvelope(
        command=command, command_class=command_class, lane=Lane.FAST, time_limit_s=60, queue_wait_s=0
    )


@dataclass
class Bench:
    """A cache, and commands whose files a test writes itself."""

    directory: Path
    limits: CacheLimits = field(default_factory=CacheLimits)
    now: float = 1_000.0
    homes: int = 0

    def __post_init__(self) -> None:
        self.cache = DiscoveryCache(self.directory / "discovery", self.limits, clock=lambda: self.now)

    async def begin(self, envelope: RequestEnvelope | None = None, *, principal: str = "anonymous") -> Loan:
        self.homes += 1
        home = self.directory / f"home-{self.homes}"
        home.mkdir()
        loan = await self.cache.lend(principal, envelope or request(), home)
        assert loan is not None
        return loan

    async def run(
        self, written: dict[str, str], envelope: RequestEnvelope | None = None, *, principal: str = "anonymous"
    ) -> None:
        """A command that leaves these files."""
        loan = await self.begin(envelope, principal=principal)
        write(loan, written)
        await self.cache.take_back(loan)

    async def found(self, envelope: RequestEnvelope | None = None, *, principal: str = "anonymous") -> dict[str, str]:
        """What another command finds; it adds nothing."""
        loan = await self.begin(envelope, principal=principal)
        place = loan.home / discovery_files.PLACE
        files = {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}
        await self.cache.take_back(loan)
        return files

    def folders(self) -> list[Path]:
        return [*(self.directory / "discovery").iterdir()]


def write(loan: Loan, files: dict[str, str]) -> None:
    """As client-go does it: a new file takes the name over."""
    for name, content in files.items():
        path = loan.home / discovery_files.PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.123")
        unfinished.write_text(content)
        unfinished.rename(path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_next_command_of_the_same_caller_finds_what_was_left(bench: Bench) -> None:
    assert await bench.found() == {}

    await bench.run({GROUPS: "groups", CORE: "core", ANSWER: "answer"})

    assert await bench.found() == {GROUPS: "groups", CORE: "core", ANSWER: "answer"}


@pytest.mark.parametrize(
    ("other", "principal"),
    [
        pytest.param(request(user={"token": "two"}), "anonymous", id="token"),
        pytest.param(request(user={"client-key-data": "one"}), "anonymous", id="kind of credential"),
        pytest.param(request(cluster=CLUSTER | {"server": "https://host2:6443"}), "anonymous", id="server"),
        pytest.param(request(cluster=CLUSTER | {"certificate-authority-data": "YQ=="}), "anonymous", id="authority"),
        pytest.param(request(cluster=CLUSTER | {"tls-server-name": "x"}), "anonymous", id="server name"),
        pytest.param(request(cluster=CLUSTER | {"insecure-skip-tls-verify": True}), "anonymous", id="unverified"),
        pytest.param(request(), "somebody", id="principal"),
    ],
)
async def test_nothing_is_shared_with_another(bench: Bench, other: RequestEnvelope, principal: str) -> None:
    await bench.run({GROUPS: "groups"})

    assert await bench.found(other, principal=principal) == {}


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(request(user={}), id="no credential"),
        pytest.param(request(user={"username": "u", "client-certificate-data": "Yw=="}), id="nothing secret"),
        pytest.param(request(command_class=CommandClass.LOCAL), id="local"),
        pytest.param(request(kubeconfig="clusters: []"), id="not rebuilt"),
        pytest.param(request(kubeconfig="[]"), id="no kubeconfig"),
    ],
)
async def test_command_without_a_secret_of_its_own_takes_no_part(bench: Bench, envelope: RequestEnvelope) -> None:
    assert await bench.cache.lend("anonymous", envelope, bench.directory) is None
    await bench.cache.take_back(None)


async def test_what_a_command_replaces_is_for_the_next_one_and_never_for_those_that_run(bench: Bench) -> None:
    await bench.run({GROUPS: "old", CORE: "core"})
    running, changing = await bench.begin(), await bench.begin()
    write(changing, {GROUPS: "new"})

    assert (running.home / discovery_files.PLACE / GROUPS).read_text() == "old"
    await bench.cache.take_back(changing)
    assert await bench.found() == {GROUPS: "new", CORE: "core"}
    assert not (running.home / discovery_files.PLACE / GROUPS).exists(), "it asks the server, as with no cache"
    await bench.cache.take_back(running)
    assert len(bench.folders()) == 1


async def test_command_is_taken_back_from_once(bench: Bench) -> None:
    loan = await bench.begin()
    write(loan, {GROUPS: "groups"})
    await bench.cache.take_back(loan)
    write(loan, {GROUPS: "later"})
    await bench.cache.take_back(loan)

    assert await bench.found() == {GROUPS: "groups"}


async def test_what_is_old_is_forgotten_also_where_it_was_added_to(bench: Bench) -> None:
    await bench.run({GROUPS: "groups"})
    bench.now += MAX_AGE_S
    await bench.run({CORE: "core"})
    assert await bench.found() == {GROUPS: "groups", CORE: "core"}

    bench.now += 1
    assert await bench.found() == {}
    assert bench.folders() == []


async def test_command_that_ran_for_long_leaves_nothing(bench: Bench) -> None:
    loan = await bench.begin()
    write(loan, {GROUPS: "groups"})
    bench.now += MAX_AGE_S + 1
    await bench.cache.take_back(loan)

    assert await bench.found() == {}


async def test_who_was_not_here_for_longest_goes_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CacheLimits(callers=2))
    first, second, third = (request(user={"token": name}) for name in ("first", "second", "third"))
    await bench.run({GROUPS: "first"}, first)
    await bench.run({GROUPS: "second"}, second)
    await bench.found(first)
    await bench.run({GROUPS: "third"}, third)

    assert await bench.found(second) == {}
    assert await bench.found(first) == {GROUPS: "first"}
    assert await bench.found(third) == {GROUPS: "third"}
    assert len(bench.folders()) == 2


async def test_bytes_are_bounded_for_all_together(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CacheLimits(total_bytes=15))
    first, second = (request(user={"token": name}) for name in ("first", "second"))
    await bench.run({GROUPS: "x" * 10}, first)
    await bench.run({GROUPS: "x" * 10}, second)

    assert await bench.found(first) == {}
    assert await bench.found(second) == {GROUPS: "x" * 10}
    assert len(bench.folders()) == 1


async def test_caller_who_leaves_too_much_is_not_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CacheLimits(caller_bytes=15))
    await bench.run({GROUPS: "x" * 10})
    await bench.run({CORE: "x" * 10})

    assert await bench.found() == {GROUPS: "x" * 10}
    assert len(bench.folders()) == 1


async def test_too_many_files_are_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_files, "MAX_FILES", 2)
    await bench.run({GROUPS: "", CORE: "", ANSWER: ""})

    assert await bench.found() == {}
    assert bench.folders() == []


async def test_only_files_of_known_names_and_sizes_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery_files, "MAX_FILE_BYTES", 100)
    await bench.run(
        {
            GROUPS: "groups",
            CORE: "x" * 101,
            "discovery/host_6443/run.sh": "rm",
            "http/short": "x",
            ANSWER: "X-Varied-Authorization: Bearer one",
            "/".join(["deep"] * discovery_files.MAX_DEPTH + ["servergroups.json"]): "x",
        }
    )

    assert await bench.found() == {GROUPS: "groups"}


async def test_links_pipes_and_shared_files_are_passed_over(bench: Bench) -> None:
    outside = bench.directory / "secret"
    outside.write_text("secret")
    loan = await bench.begin()
    write(loan, {GROUPS: "groups"})
    host = loan.home / discovery_files.PLACE / "discovery" / "host_6443"
    for name in ("link", "pipe", "shared"):
        (host / name).mkdir()
    (host / "link" / "serverresources.json").symlink_to(outside)
    os.mkfifo(host / "pipe" / "serverresources.json")
    os.link(outside, host / "shared" / "serverresources.json")
    (host / "folder").symlink_to(bench.directory)
    await bench.cache.take_back(loan)

    assert await bench.found() == {GROUPS: "groups"}


@pytest.mark.parametrize("replaced", discovery_files.PLACE.parts)
async def test_folder_that_became_a_link_is_not_followed(bench: Bench, replaced: str) -> None:
    elsewhere = bench.directory / "elsewhere"
    (elsewhere / "cache").mkdir(parents=True)
    for folder in (elsewhere, elsewhere / "cache"):
        (folder / "servergroups.json").write_text("another's")
    loan = await bench.begin()
    place = loan.home / discovery_files.PLACE
    at = loan.home / replaced if replaced == ".kube" else place
    at.parent.mkdir(exist_ok=True)
    at.symlink_to(elsewhere)
    await bench.cache.take_back(loan)

    assert await bench.found() == {}


async def test_what_is_kept_is_for_its_owner_only_and_cannot_be_written(bench: Bench) -> None:
    await bench.run({GROUPS: "groups"})

    [folder] = bench.folders()
    assert (folder.stat().st_mode & 0o777, folder.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert (folder / GROUPS).stat().st_mode & 0o777 == 0o400


async def test_command_runs_on_where_nothing_can_be_lent_or_kept(bench: Bench) -> None:
    await bench.run({GROUPS: "groups"})
    home = bench.directory / "taken"
    (home / discovery_files.PLACE).mkdir(parents=True)
    loan = await bench.cache.lend("anonymous", request(), home)
    assert loan is not None
    assert loan.snapshot is None

    for folder in bench.folders():
        folder.rename(bench.directory / "gone")
    gone = await bench.begin()
    write(gone, {CORE: "core"})
    await bench.cache.take_back(gone)
    assert (await bench.found()).keys() <= {GROUPS}
