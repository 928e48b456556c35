"""What calls of an Argo CD server do, by their methods and by the fields that decide."""

import pytest

from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import GRPC_WEB, Head
from worker.door.http.request_target import Target
from worker.door.requests import argo_cd

APPLICATIONS = "/application.ApplicationService"
NAME = b"\x0a\x03web"
"""Field 1, the name of an application."""


def call(path: str, message: bytes = NAME, *, method: str = "POST", content_type: str = GRPC_WEB) -> Request:
    headers = (("content-type", content_type),)
    return Request(Head(method, Target("", path, ()), "", headers), b"\x00" + len(message).to_bytes(4) + message)


@pytest.mark.parametrize(
    "path",
    [
        f"{APPLICATIONS}/List",
        f"{APPLICATIONS}/Watch",
        f"{APPLICATIONS}/PodLogs",
        f"{APPLICATIONS}/ManagedResources",
        "/version.VersionService/Version",
        "/session.SessionService/GetUserInfo",
        "/account.AccountService/CanI",
        "/cluster.SettingsService/Get",
    ],
)
def test_method_that_only_reads_is_a_read(path: str) -> None:
    _, judgement = argo_cd.resolve(call(path))
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (True, False, "")


@pytest.mark.parametrize(
    "path",
    [
        f"{APPLICATIONS}/Sync",
        f"{APPLICATIONS}/Delete",
        f"{APPLICATIONS}/RunResourceAction",
        f"{APPLICATIONS}/GetEverythingAndDeleteIt",
        "/another.ApplicationService/Get",
        "/cluster.ClusterService/InvalidateCache",
        "/repository.RepositoryService/ValidateAccess",
    ],
)
def test_every_other_method_is_a_change(path: str) -> None:
    info, judgement = argo_cd.resolve(call(path))
    assert (judgement.is_read, judgement.is_change, judgement.strict_refusal) == (False, True, "")
    assert path == f"/{info.group}.{info.resource}/{info.verb}"


@pytest.mark.parametrize(
    "path",
    [
        "/account.AccountService/CreateToken",
        "/project.ProjectService/CreateToken",
        "/session.SessionService/Create",
        "/cluster.ClusterService/Create",
        "/cluster.ClusterService/RotateAuth",
    ],
)
def test_method_that_makes_a_credential_is_what_strict_refuses(path: str) -> None:
    _, judgement = argo_cd.resolve(call(path))
    assert judgement.is_change
    assert "credentials" in judgement.strict_refusal


@pytest.mark.parametrize(
    ("message", "is_dry"),
    [
        (NAME + b"\x18\x01", True),
        (b"\x18\x01" + NAME, True),
        (NAME + b"\x18\x00", False),
        (NAME + b"\x18\x01\x18\x00", False),
        (NAME + b"\x18\x02", False),
        (NAME + b"\x1a\x01\x01", False),
        (NAME + b"\x20\x01", False),
        (NAME + b"\x18", False),
        (b"\x0a\xff", False),
        (b"", False),
    ],
    ids=["dry", "first", "switched-off", "last-counts", "other", "text", "prune", "cut", "too-long", "empty"],
)
def test_dry_run_is_a_read_if_its_message_says_so_for_certain(message: bytes, is_dry: bool) -> None:
    _, judgement = argo_cd.resolve(call("/applicationset.ApplicationSetService/Create", message))
    assert (judgement.is_read, judgement.is_change) == (is_dry, not is_dry)


@pytest.mark.parametrize("method", ["Sync", "Rollback"])
def test_dry_run_that_argo_cd_keeps_is_a_change(method: str) -> None:
    _, judgement = argo_cd.resolve(call(f"/application.ApplicationService/{method}", NAME + b"\x18\x01"))
    assert (judgement.is_read, judgement.is_change) == (False, True)


@pytest.mark.parametrize(
    ("refresh", "is_read"), [(b"", True), (b"\x12\x06normal", True), (b"\x12\x04hard", False), (b"\x12\x00", True)]
)
def test_refresh_is_a_change_unless_it_only_compares(refresh: bytes, is_read: bool) -> None:
    _, judgement = argo_cd.resolve(call(f"{APPLICATIONS}/Get", NAME + refresh))
    assert judgement.is_read is is_read


@pytest.mark.parametrize(
    "request_",
    [
        call("/api/v1/applications"),
        call(f"{APPLICATIONS}/Get/x"),
        call("/Get"),
        call(f"{APPLICATIONS}/Get", method="PUT"),
        call(f"{APPLICATIONS}/Get", content_type="application/json"),
        call(f"{APPLICATIONS}/Get", content_type="application/grpc-web-text"),
        Request(call(f"{APPLICATIONS}/Get").head, b""),
        Request(call(f"{APPLICATIONS}/Get").head, b"\x00\x00\x00\x00\x01"),
        Request(call(f"{APPLICATIONS}/Get").head, b"\x01\x00\x00\x00\x01x"),
        Request(call(f"{APPLICATIONS}/Get").head, b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
    ],
    ids=["rest", "longer", "no-service", "put", "json", "text", "no-frame", "cut", "compressed", "two-frames"],
)
def test_what_is_not_one_call_is_refused(request_: Request) -> None:
    with pytest.raises(BadRequestError):
        argo_cd.resolve(request_)


@pytest.mark.parametrize(
    ("path", "query", "is_looked_at"),
    [
        ("/api/v1/applications/web", (), True),
        ("/api/v1/applications/web", (("appNamespace", "apps"),), True),
        ("/api/v1/applications/web", (("refresh", "hard"),), False),
        ("/api/v1/applications/web/manifests", (), False),
        ("/api/v1/session", (), False),
    ],
)
def test_worker_looks_at_applications_only(path: str, query: tuple[tuple[str, str], ...], is_looked_at: bool) -> None:
    assert argo_cd.is_looked_at(Target("", path, query)) is is_looked_at
