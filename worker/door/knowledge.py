"""What the door has learnt about clusters, and the judgement of requests that needs it."""

from dataclasses import dataclass, field

from shared.effects import Limit
from worker.door import forwarding, mesh_pods
from worker.door.http.child_connection import Request
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.request_head import GRPC_WEB
from worker.door.http.request_target import Target
from worker.door.masking import written_marks
from worker.door.masking.turns import Turns
from worker.door.requests import argo_cd, bodies, discovery, dry_run, effects, kinds, permission, releases, request_info
from worker.door.requests.discovery import Resource
from worker.door.requests.effects import Judgement
from worker.door.requests.local_groups import GroupVersion, LocalGroups
from worker.door.requests.memory import Memory
from worker.door.requests.permission import Refusal, Subject
from worker.door.requests.request_info import RequestInfo, UnreadableRequestError
from worker.door.visits.visit import Visit

MOST_API_SERVICE_BYTES = 1024 * 1024
MOST_GROUP_CHARACTERS = 512
"""Longest group and version that may be served locally. Those of Kubernetes have at most 316 characters."""
_OK = 200
_LASTING_REFUSALS = frozenset({403, 404})


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as Kubernetes authorizes it, and what it does."""

    info: RequestInfo
    judgement: Judgement
    refusal: Refusal | None = None
    """Why the command may not send it; None if it may."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of all clusters, each for the identity that has seen it."""

    memory: Memory = field(default_factory=Memory)
    local_groups: LocalGroups = field(default_factory=LocalGroups)
    masking_turns: Turns = field(default_factory=Turns)

    async def judge(self, visit: Visit, request: Request) -> Judged:
        """Judges a request. It may have to ask the server first. Raises `BadRequestError`."""
        if visit.is_to_argo_cd:
            info, judgement = argo_cd.resolve(request)
            return Judged(info, judgement, permission.refusal(visit.effects, Subject(info, judgement)))
        head = request.head
        if bodies.media_type(head.header("content-type")) == GRPC_WEB:
            raise BadRequestError("it calls a method of Argo CD, and its server is an API server", 415)
        try:
            info = request_info.resolve(head.method, head.target.path, head.target.query)
        except UnreadableRequestError as error:
            raise BadRequestError(str(error)) from None
        if head.upgrade and not effects.may_upgrade(info):
            raise BadRequestError("it asks for a tunnel to something other than a pod, a service or a node")
        judgement = effects.judge(
            info,
            method=head.method,
            query=head.target.query,
            body=request.body,
            content_type=head.header("content-type"),
            local_groups=await self._local_groups(visit, info, request),
        )
        subject = Subject(
            info,
            judgement,
            kind=self.kind(visit, info),
            is_namespaced=await self._is_namespaced(visit, info),
            # Only rules ask for it, and a release may be long.
            is_release=bool(visit.effects.rules)
            and releases.is_release(info, body=request.body, content_type=head.header("content-type")),
        )
        refusal = await self._refusal(visit, subject)
        if refusal is None and judgement.is_change:
            content_type = head.header("content-type")
            refusal = written_marks.refusal(visit.effects, info, body=request.body, content_type=content_type)
        return Judged(info, judgement, refusal)

    def forget(self, visit: Visit) -> None:
        """Forgets what was known of a cluster: a change may have made other kinds of it."""
        self.memory.forget(visit.route.identity)
        self.local_groups.forget(visit.route.identity)

    def kind(self, visit: Visit, info: RequestInfo) -> str:
        """Returns the kind of a request's resource; empty if no remembered discovery names it."""
        found = self.memory.resource(visit.route.identity, info)
        return found.kind if found else ""

    async def _refusal(self, visit: Visit, subject: Subject) -> Refusal | None:
        refusal = permission.refusal(visit.effects, subject)
        is_tunnel = subject.info.subresource == kinds.TUNNEL and visit.effects.tunnels
        if refusal is None or refusal.rule != Limit.READ or not is_tunnel:
            return refusal
        return None if await mesh_pods.is_of_mesh(visit, subject.info) else refusal

    async def _is_namespaced(self, visit: Visit, info: RequestInfo) -> bool:
        """Returns whether objects of a resource are in namespaces. What nobody tells counts as namespaced."""
        if not info.is_resource or info.group in kinds.OWN_GROUPS:
            return (info.group, info.resource) not in kinds.CLUSTER_WIDE
        if info.namespace or not (visit.effects.fence or visit.effects.rules):
            return bool(info.namespace)
        known = self.memory.resource(visit.route.identity, info)
        if known is None:
            known = await self._ask_about(visit, info)
        return known is None or known.is_namespaced

    async def _ask_about(self, visit: Visit, info: RequestInfo) -> Resource | None:
        """Asks the server what it says of a resource."""
        path = f"/apis/{info.group}/{info.version}"
        try:
            _, body = await forwarding.ask(visit, Target("", path, ()), most_bytes=discovery.MOST_BYTES)
        except (ServerError, BadRequestError):
            return None
        return discovery.parse(body).resources.get((info.group, info.version, info.resource))

    async def _local_groups(self, visit: Visit, info: RequestInfo, request: Request) -> tuple[GroupVersion, ...]:
        """Returns the request's group and version if the API server itself serves them and that matters."""
        if info.group in kinds.OWN_GROUPS or len(info.group) + len(info.version) > MOST_GROUP_CHARACTERS:
            return ()
        head, group, identity = request.head, (info.group, info.version), visit.route.identity
        undecided = dry_run.undecided_by(
            info,
            method=head.method,
            query=head.target.query,
            body=request.body,
            content_type=head.header("content-type"),
        )
        if not undecided:
            return ()
        is_local = self.local_groups.is_local(identity, group)
        if is_local is None:
            is_local = await self._ask_whether_local(visit, group, undecided)
        return (group,) if is_local else ()

    async def _ask_whether_local(self, visit: Visit, group: GroupVersion, path: str) -> bool:
        """Asks the server, and remembers what it says unless that may soon be something else."""
        try:
            status, body = await forwarding.ask(visit, Target("", path, ()), most_bytes=MOST_API_SERVICE_BYTES)
        except (ServerError, BadRequestError):
            return False
        if status not in {_OK, *_LASTING_REFUSALS}:
            return False
        return self.local_groups.keep(visit.route.identity, group, body if status == _OK else None)
