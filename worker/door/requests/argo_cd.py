"""What a request to an Argo CD server does. argocd sends each as grpc-web: `POST /package.Service/Method`.

A read is a method that is listed here, and a change is everything else. Source: the services in `server/` of Argo CD
3.5. Words decide what is hidden deeper in a message. Argo CD masks Secrets itself.
"""

import re

from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import GRPC_WEB
from worker.door.http.request_target import Target
from worker.door.requests import bodies, protobuf
from worker.door.requests.effects import Judgement
from worker.door.requests.request_info import RequestInfo

_METHOD = re.compile(r"/(?P<package>[A-Za-z0-9_.]+)\.(?P<service>[A-Za-z0-9_]+)/(?P<method>[A-Za-z0-9_]+)")
_READS = {
    "account.AccountService": "CanI GetAccount ListAccounts",
    "application.ApplicationService": "Get GetApplicationSyncWindows GetManifests GetOCIMetadata GetResource List "
    "ListLinks ListResourceActions ListResourceEvents ListResourceLinks ManagedResources PodLogs ResourceTree "
    "RevisionChartDetails RevisionMetadata ServerSideDiff Watch WatchResourceTree",
    "applicationset.ApplicationSetService": "Generate Get List ListResourceEvents ResourceTree Watch",
    "certificate.CertificateService": "ListCertificates",
    "cluster.ClusterService": "Get List",
    "cluster.SettingsService": "Get GetPlugins",
    "gpgkey.GPGKeyService": "Get List",
    "notification.NotificationService": "ListServices ListTemplates ListTriggers",
    "project.ProjectService": "Get GetDetailedProject GetGlobalProjects GetSyncWindowsState List ListEvents ListLinks",
    "repocreds.RepoCredsService": "ListRepositoryCredentials ListWriteRepositoryCredentials",
    "repository.RepositoryService": "Get GetAppDetails GetHelmCharts GetWrite List ListApps ListOCITags ListRefs "
    "ListRepositories ListWriteRepositories",
    "session.SessionService": "GetUserInfo",
    "version.VersionService": "Version",
}
_CREDENTIALS = {
    "account.AccountService": "CreateToken",
    "cluster.ClusterService": "Create RotateAuth",
    "project.ProjectService": "CreateToken",
    "session.SessionService": "Create",
}
_DRY_RUN = 3
"""The field `dryRun` of the requests below. That of a sync is none: Argo CD keeps it as the last operation."""
_WITH_DRY_RUN = {"applicationset.ApplicationSetService": "Create"}
_REFRESH = 2
"""The field `refresh` of an `ApplicationQuery`. `normal` compares at once what Argo CD compares every few minutes."""
_WITH_REFRESH = {"application.ApplicationService": "Get List Watch"}
_MILD_REFRESHES = frozenset({b"", b"normal"})
_FRAME_HEADER_BYTES = 5
"""A byte of flags, and the length of the message (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md)."""
_LOOKED_AT = re.compile(r"/api/v1/applications/[^/]+")


def resolve(request: Request) -> tuple[RequestInfo, Judgement]:
    """Returns what a request asks for and what it does. Raises `BadRequestError` unless it is one of grpc-web."""
    head = request.head
    match = _METHOD.fullmatch(head.target.path)
    if match is None or head.method != "POST" or head.target.query or head.upgrade:
        raise BadRequestError("it does not call a method of an Argo CD server")
    if bodies.media_type(head.header("content-type")) != GRPC_WEB:
        raise BadRequestError("the type of its body is not one that argocd sends", 415)
    info = RequestInfo(
        is_resource=True,
        path=head.target.path,
        verb=match["method"],
        group=match["package"],
        resource=match["service"],
    )
    is_read = _is_read(info, _message(request.body))
    return info, Judgement(
        is_change=not is_read,
        is_read=is_read,
        strict_refusal="methods that make credentials" if _is_among(info, _CREDENTIALS) else "",
        is_dry_run=False,
    )


def is_looked_at(target: Target) -> bool:
    """Whether the worker may get this path to see what a command waits for."""
    return bool(_LOOKED_AT.fullmatch(target.path)) and all(name == "appNamespace" for name, _ in target.query)


def _is_read(info: RequestInfo, message: bytes) -> bool:
    try:
        if _is_among(info, _WITH_DRY_RUN):
            return protobuf.number(message, _DRY_RUN) == 1
        is_mild = not _is_among(info, _WITH_REFRESH) or protobuf.content(message, _REFRESH) in _MILD_REFRESHES
    except ValueError:
        return False
    return is_mild and _is_among(info, _READS)


def _is_among(info: RequestInfo, methods: dict[str, str]) -> bool:
    return info.verb in methods.get(f"{info.group}.{info.resource}", "").split()


def _message(body: bytes) -> bytes:
    """Returns the message in the only frame of a body. Raises `BadRequestError` if there is none, or another one."""
    header, message = body[:_FRAME_HEADER_BYTES], body[_FRAME_HEADER_BYTES:]
    if len(header) < _FRAME_HEADER_BYTES or header != len(message).to_bytes(_FRAME_HEADER_BYTES):
        raise BadRequestError("its body is not one uncompressed message")
    return message
