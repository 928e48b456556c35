"""One request of a command, from its arrival at the door to the end of its answer."""

import asyncio
import uuid
from dataclasses import dataclass, field

from shared.changes import Change
from worker.door import change_note, discovery_ahead, forwarding, recall
from worker.door.http import headers, request_target, status
from worker.door.http.child_connection import ChildConnection, Request
from worker.door.http.collection import collect
from worker.door.http.delivery import Copy, Delivery
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.server_connection import AnswerHead, ServerConnection
from worker.door.http.tunnel import Tunnel
from worker.door.knowledge import Judged, Knowledge
from worker.door.masking import answers, dry_runs
from worker.door.masking.answers import AnswerMask
from worker.door.masking.delivery import MaskedDelivery
from worker.door.masking.tree import MaskingError
from worker.door.messages import Refuse, Seen
from worker.door.recall import Recall
from worker.door.requests import impersonation, memory
from worker.door.requests.memory import Answer
from worker.door.requests.permission import Refusal
from worker.door.visits.visit import Visit

OUTCOME_TIMEOUT_S = 1.0
"""Seconds that a change whose command has gone waits for its outcome."""
_SWITCHES = 101
_REDIRECTS = frozenset(range(300, 400)) - {recall.NOT_MODIFIED}
_LEAST_FAILED = 400
_FORBIDDEN, _BAD_GATEWAY, _UNAVAILABLE = 403, 502, 503
_SELECTORS = frozenset({"labelSelector", "fieldSelector"})


@dataclass
class Exchange:
    """A request and what becomes of it."""

    visit: Visit
    request: Request
    child: ChildConnection
    knowledge: Knowledge
    audit_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: int | None = None
    """The status that the command has got."""
    change: Change | None = None
    _judged: Judged | None = None
    _is_reported: bool = False

    async def run(self) -> None:
        """Answers the request."""
        try:
            impersonation.check(self.visit.effects.impersonation, self.request.head)
            self._judged = await self.knowledge.judge(self.visit, self.request)
        except BadRequestError as error:
            self.reply(error.status, f"the request was refused: {error}")
            return
        if self._judged.refusal is not None:
            self._refuse(self._judged.refusal)
            self._report()
            return
        try:
            await self._answer_as_judged(self._judged)
        except ServerError as error:
            self.reply(_UNAVAILABLE, f"the server {self.visit.route.server} cannot be reached: {error}")
        except BadRequestError as error:
            self.reply(_UNAVAILABLE, f"the address {self.visit.route.server} cannot be used: {error}")
        finally:
            self._report()

    async def _answer_as_judged(self, judged: Judged) -> None:
        if dry_runs.are_answered(self.visit.effects, judged.info, judged.judgement):
            await self._answer_dry_run(judged)
        elif judged.judgement.is_change:
            await self._change()
        else:
            await self._read()

    def reply(self, code: int, message: str) -> None:
        """Answers as the door itself. Clients show the text of a Status only if it answers for a resource."""
        write = status.answer_by_grpc if self.visit.is_to_argo_cd else status.answer
        if code >= _BAD_GATEWAY and self._judged is not None and not self._judged.info.is_resource:
            code, write = _BAD_GATEWAY, status.answer_in_words
        self.status = code
        keeps_connection = self.request.head.keeps_connection
        self.child.write(write(code, message, keeps_connection=keeps_connection))
        self.child.finish(keeps_connection=keeps_connection)

    def _refuse(self, refusal: Refusal) -> None:
        """Answers that the command may not send the request, and tells the worker."""
        change = self._intended() if self._known.judgement.is_change else None
        # Told first: the command may end as soon as it has the answer.
        self.visit.worker.tell(
            Refuse(
                visit=self.visit.number,
                rule=refusal.rule,
                text=refusal.text,
                change=change_note.refused(change) if change else None,
                is_repeated=self.visit.refusals.is_repeated(self.request, is_change=change is not None),
            )
        )
        self.reply(_FORBIDDEN, refusal.text)

    # Reads.

    async def _read(self) -> None:
        known = recall.of(self.knowledge.memory, self.visit, self.request)
        if known is not None:
            ahead = await discovery_ahead.answer(self.visit, known)
            remembered, self.audit_id = ahead or (known.fresh, self.audit_id)
            if remembered is not None:
                self._serve(remembered)
                return
        discovery_ahead.begin(self.visit, self.request, self.knowledge.memory)
        connection, head = await forwarding.read(self.visit, self._written(known))
        if known is None:
            await self._answer(connection, head, copy=None)
            return
        confirmed = known.confirmed(head)
        if confirmed is not None:
            await collect(connection, 0)
            self.visit.give_back(connection)
            self._serve(confirmed)
            return
        copy = known.copy_for(head)
        is_whole = False
        try:
            is_whole = await self._answer(connection, head, copy=copy)
        finally:
            body = copy.take() if copy else None
        if is_whole:
            known.keep(head, body)

    def _serve(self, remembered: Answer) -> None:
        """Answers from memory."""
        self.status = 200
        self._send_whole(remembered.headers, remembered.body)
        self._report_read()

    def _send_whole(self, told: headers.Headers, body: bytes) -> None:
        framing = f"Content-Length: {len(body)}"
        self.child.write(headers.answer(self.status or 0, told, framing=framing), body)
        self.child.finish(keeps_connection=self.request.head.keeps_connection)

    async def _answer_dry_run(self, judged: Judged) -> None:
        self._is_reported = True  # the server does not get the request
        self.status, body = await dry_runs.answer(self.visit, self.request, judged.info)
        told = (("Content-Type", forwarding.JSON), ("Warning", dry_runs.WARNING))
        self._send_whole(told, body)

    # Changes.

    async def _change(self) -> None:
        """Makes a change. Its outcome is waited for even if the command goes, for a short time."""
        making = self.visit.start(self._make_change(), name="change")
        try:
            await asyncio.wait({making})
        except asyncio.CancelledError:
            await asyncio.wait({making}, timeout=OUTCOME_TIMEOUT_S)
            making.cancel()
            raise
        making.result()

    async def _make_change(self) -> None:
        connection, _ = await self.visit.connection(for_change=True)
        taken_at = asyncio.get_running_loop().time()
        change = self._intended()
        try:
            refusal = await self._noted(change)
            if refusal is None:
                connection = await self.visit.kept_for_change(connection, taken_at=taken_at)
        except BaseException:
            self._complete(change_note.refused(change))
            connection.abort()
            raise
        if refusal is not None:
            connection.close()  # it has waited for longer than the pool would know
            self.reply(_UNAVAILABLE, refusal)
            return
        await self._forward_change(connection, change)

    async def _noted(self, change: Change) -> str | None:
        """Has the change noted. Returns why it must not be forwarded."""
        refusal = await self.visit.worker.intend(self.visit.number, change)
        if refusal is None and self.child.is_lost:
            raise asyncio.CancelledError
        return refusal

    async def _forward_change(self, connection: ServerConnection, change: Change) -> None:
        needs_name = change_note.needs_name(change)
        copy = Copy(change_note.MOST_READ_BYTES) if needs_name else None
        try:
            head = await connection.ask(self._written(None, {"Accept-Encoding": ""} if needs_name else {}))
        finally:
            if memory.changes_kinds(self._known.info):
                self.knowledge.forget(self.visit)
        if head.status == _SWITCHES:
            self._complete(change_note.completed(change, head, None))
            await self._answer(connection, head, copy=None)
            return
        try:
            await self._answer(connection, head, copy=copy)
        finally:
            self._complete(change_note.completed(change, head, copy.take() if copy else None))

    def _intended(self) -> Change:
        self.visit.changes += 1
        info = self._known.info
        self.change = change_note.of(
            info, self.request, number=self.visit.changes, known_kind=self.knowledge.kind(self.visit, info)
        )
        return self.change

    def _complete(self, change: Change) -> None:
        self.change = change
        self.visit.worker.complete(self.visit.number, change)

    # Answers.

    async def _answer(self, connection: ServerConnection, head: AnswerHead, *, copy: Copy | None) -> bool:
        """Passes the server's answer on. Returns whether the command has got it as a whole."""
        self.status = head.status
        if head.status in _REDIRECTS:
            connection.abort()
            redirects = (
                f"the server {self.visit.route.server} redirects elsewhere: name the address that answers itself"
            )
            self.reply(_BAD_GATEWAY, redirects)
            return False
        if head.status == _SWITCHES:
            if not self.request.head.upgrade:
                connection.abort()
                raise ServerError("malformed HTTP response")
            await self._tunnel(connection, head)
            return True
        self._report_read()
        return await self._deliver(connection, head, copy)

    async def _deliver(self, connection: ServerConnection, head: AnswerHead, copy: Copy | None) -> bool:
        mask = self._mask
        if mask is not None and mask.concerns(head):
            return await self._deliver_masked(connection, head, mask=mask, copy=copy)
        delivery = Delivery(
            self.child,
            head,
            keeps_connection=self.request.head.keeps_connection,
            on_last=lambda: self.visit.give_back(connection),
            copy=copy,
        )
        delivery.begin(connection)
        try:
            return await delivery.ended
        except asyncio.CancelledError:
            connection.abort()
            raise

    async def _deliver_masked(
        self, connection: ServerConnection, head: AnswerHead, *, mask: AnswerMask, copy: Copy | None
    ) -> bool:
        keeps_connection = self.request.head.keeps_connection
        delivery = MaskedDelivery(
            self.child, head, mask, turns=self.knowledge.masking_turns, keeps_connection=keeps_connection
        )
        try:
            await delivery.run(connection, copy=copy)
        except (MaskingError, ServerError) as error:
            connection.abort()
            if isinstance(error, ServerError) or delivery.has_begun:
                self.child.abort()
            else:
                self._withhold(head, error)
            return False
        except BaseException:
            connection.abort()
            raise
        self.visit.give_back(connection)
        self.child.finish(keeps_connection=keeps_connection)
        return True

    def _withhold(self, head: AnswerHead, error: MaskingError) -> None:
        """Answers without what cannot be masked. Of an error, the status stays, and the advice when to come again."""
        text = _withheld(head.status, error)
        if head.status < _LEAST_FAILED:
            self.reply(_BAD_GATEWAY, text)
            return
        told = [(name, value) for name, value in head.headers if name == "retry-after"]
        self._send_whole((("Content-Type", forwarding.JSON), *told), status.body(head.status, text))

    async def _tunnel(self, connection: ServerConnection, head: AnswerHead) -> None:
        framing = f"Connection: Upgrade\r\nUpgrade: {head.header('upgrade')}"
        self.child.write(headers.answer(head.status, headers.allowed(head.headers, is_upgrade=True), framing=framing))
        tunnel = Tunnel()
        transport, arrived = connection.hand_over()
        tunnel.join(self.child.hand_over(), transport, arrived=arrived)
        try:
            await tunnel.ended
        except asyncio.CancelledError:
            tunnel.abort()
            raise
        finally:
            self.child.note_end_of_tunnel()

    def _written(self, known: Recall | None, added: dict[str, str] | None = None) -> bytes:
        shaping = self._mask.headers(self.request.head) if self._mask else {}
        more = {"Audit-ID": self.audit_id, **(known.added if known else {}), **shaping, **(added or {})}
        return forwarding.written(self.visit, self.request.head, added=more, body=self.request.body)

    # Reports.

    @property
    def _mask(self) -> AnswerMask | None:
        return answers.of(self.visit.effects, self._known.info)

    @property
    def _known(self) -> Judged:
        assert self._judged is not None  # noqa: S101 - the first thing that is found out
        return self._judged

    def _report_read(self) -> None:
        if self._known.judgement.is_read:
            self._report()

    def _report(self) -> None:
        """Reports the request, unless that has been done."""
        if self.visit.reports_requests and not self._is_reported:
            self._is_reported = True
            self.visit.worker.report(self._seen())

    def _seen(self) -> Seen:
        info = self._known.info
        selectors = tuple(pair for pair in self.request.head.target.query if pair[0] in _SELECTORS)
        return Seen(
            visit=self.visit.number,
            audit_id=self.audit_id,
            method=self.request.head.method,
            verb=info.verb,
            is_resource=info.is_resource,
            group=info.group,
            version=info.version,
            resource=info.resource,
            subresource=info.subresource,
            namespace=info.namespace,
            name=info.name or (self.change.name if self.change else ""),
            path=info.path,
            selectors=request_target.written_query(selectors),
            refused_by=self._known.refusal.rule if self._known.refusal else "",
            status=self.status,
        )


def _withheld(code: int, error: MaskingError) -> str:
    return (
        f"the server's answer (HTTP status {code}) is withheld, because it may contain values of Secrets and cannot be "
        f"masked: {error}"
    )
