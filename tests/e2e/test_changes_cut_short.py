"""What a job tells of its changes after something died in the middle of them, held to the API server's audit log."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from shared import changes
from shared.changes import Change, ChangeState
from shared.models import CommandResponse
from tests.e2e import manifests, seen_and_done
from tests.support import audit_comparison
from tests.support.caller import Caller, caller_of
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.audit import AuditEvent
from tests.support.cut import Network, network
from tests.support.product import Process, Product
from tests.support.request_notes import RequestNotes
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker.output import door_death

MANY = 200
"""Objects of the chart: more than helm creates while a test looks once."""
SOME = 10
"""Changes after which something dies."""
HELD_S = 30
"""The door holds a change that nobody can note for ten seconds, then refuses it."""
UNAVAILABLE = 503
ENDED_WITHIN_S = 40
CONFIG_MAPS = """\
{{- range $number := until %d }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $number }}
data:
  revision: "{{ $.Release.Revision }}"
---
{{- end }}
"""


@dataclass(frozen=True)
class Upgrade:
    """A running `helm upgrade` that creates many objects, some of which exist by now."""

    job_id: str
    caller: Caller
    worker: Process
    to_server: Network
    """Between the worker and the API server."""
    cluster: ControlPlane
    namespace: str
    mark: int

    def done(self) -> list[AuditEvent]:
        """Returns the changes that the API server has made, or has begun to make."""
        events = self.cluster.audit.events(since=self.mark, users=["admin"])
        return [event for event in events if event.namespace == self.namespace and event.is_change]

    def told(self) -> list[Change]:
        """Returns what the job says of its changes."""
        url = str(self.caller.http.base_url)
        with httpx.Client(base_url=url, trust_env=False, verify=False) as http:
            return seen_and_done.changes(http, self.job_id)

    def changes(self) -> list[Change]:
        """The same, after the audit log's changes were found in it, and its answered ones in the log."""
        found = self.told()
        assert list(audit_comparison.change_differences(found, self.done())) == []
        return found

    async def stall(self, *, is_made: bool = False) -> None:
        """Leaves a change without an answer, before it has reached the API server or after it was made."""
        await wait_until(self._stalls_a_change, timeout_s=ENDED_WITHIN_S)
        if is_made:
            made = self._made()
            self.to_server.stall_answers()
            await wait_until(lambda: self._made() > made)

    async def _stalls_a_change(self) -> bool:
        """Whether the held request makes a config map. If it is another one, the network goes on.

        A change is told before its request is forwarded, so one that is told and was not made is on its way.
        """
        self.to_server.stall_requests()
        async with asyncio.timeout(ENDED_WITHIN_S):
            await self.to_server.holds_request.wait()
        if sum(change.resource == "configmaps" for change in self.told()) > self._made():
            return True
        self.to_server.resume()
        return False

    def _made(self) -> int:
        """Returns how many of the chart's config maps exist."""
        found = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/configmaps")["items"]
        return sum(each["metadata"]["name"].startswith("web-") for each in found)


@pytest.fixture
async def upgrade(own_product: Product, cluster: ControlPlane, namespace: str) -> AsyncIterator[Upgrade]:
    url = await own_product.gateway()
    worker = await own_product.worker()
    chart = {**manifests.chart(), "web/templates/many.yaml": CONFIG_MAPS % MANY}
    async with network(cluster.port) as to_server:
        kubeconfig = cluster.kubeconfig(namespace=namespace).replace(cluster.url, f"https://127.0.0.1:{to_server.port}")
        async with caller_of(url, kubeconfig) as caller:
            await caller.output("helm", "install web ./web", files=manifests.chart())
            mark = cluster.audit.mark()
            job_id = await caller.submit("helm", "upgrade web ./web --timeout 1m", files=chart)
            running = Upgrade(job_id, caller, worker, to_server, cluster, namespace, mark)
            await wait_until(lambda: len(running.done()) >= SOME, timeout_s=ENDED_WITHIN_S)
            yield running


@pytest.mark.parametrize("is_made", [True, False], ids=["made", "not made"])
async def test_upgrade_whose_worker_is_killed_tells_what_was_done_and_what_was_on_its_way(
    own_product: Product, upgrade: Upgrade, *, is_made: bool
) -> None:
    await upgrade.stall(is_made=is_made)
    upgrade.worker.kill()
    await own_product.worker()

    response = await _end(upgrade)

    found = upgrade.changes()
    _is_in_the_middle(found, response)
    assert response.state == "lost"
    assert changes.ACKNOWLEDGED in f"{response.error}"
    assert changes.ON_THEIR_WAY in f"{response.error}"


@pytest.mark.parametrize("is_made", [True, False], ids=["made", "not made"])
async def test_upgrade_whose_door_is_killed_tells_what_was_done_and_what_was_on_its_way(
    upgrade: Upgrade, *, is_made: bool
) -> None:
    await upgrade.stall(is_made=is_made)
    os.kill(upgrade.worker.helper("door"), signal.SIGKILL)

    response = await _end(upgrade)

    found = upgrade.changes()
    _is_in_the_middle(found, response)
    assert door_death.ENDED in f"{response.error}"
    assert response.hint == door_death.CHANGES_LEFT
    assert changes.ACKNOWLEDGED in f"{response.error}"
    assert changes.ON_THEIR_WAY in f"{response.error}"


@pytest.mark.parametrize("answers_come", [True, False], ids=["before the note", "between note and answer"])
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stalled"])
async def test_nothing_is_changed_unnoted_while_redis_is_away(
    own_product: Product, upgrade: Upgrade, own_valkey: Valkey, *, is_killed: bool, answers_come: bool
) -> None:
    notes = RequestNotes(own_product)
    if not answers_come:
        await upgrade.stall()
    with _without(own_valkey, is_killed=is_killed):
        upgrade.to_server.resume()
        await wait_until(lambda: any(note.status == UNAVAILABLE for note in notes.all()), timeout_s=HELD_S)

    response = await _end(upgrade)

    found = upgrade.changes()
    assert ChangeState.ON_ITS_WAY not in {change.state for change in found}
    assert response.changes is not None
    assert response.changes.count == len(found)
    assert len(upgrade.done()) < MANY


@contextmanager
def _without(valkey: Valkey, *, is_killed: bool) -> Iterator[None]:
    if is_killed:
        valkey.kill()
        yield
        valkey.restart()
    else:
        valkey.pause()
        yield
        valkey.resume()


async def _end(upgrade: Upgrade) -> CommandResponse:
    return await upgrade.caller.ended(upgrade.job_id, wait_s=ENDED_WITHIN_S)


def _is_in_the_middle(found: list[Change], response: CommandResponse) -> None:
    """Shows that there were changes of both kinds, and that the response counts all of them."""
    states = [change.state for change in found]
    assert states.count(ChangeState.DONE) >= 1
    assert states.count(ChangeState.ON_ITS_WAY) >= 1
    assert len(found) < MANY
    assert response.changes is not None
    assert response.changes.count == len(found)
