"""The API server's own notes, which the product's are compared with."""

from tests.e2e import manifests
from tests.e2e.user import User
from tests.support.control_plane.audit import AuditEvent
from tests.support.waiting import wait_until


def changes(user: User, before: int) -> list[AuditEvent]:
    """Those in the test's own namespace: requests of an earlier test may be noted after its end."""
    found = user.cluster.audit.events(since=before, users=["admin"])
    return [event for event in found if event.is_change and event.namespace == user.namespace]


async def test_requests_of_a_command_are_in_the_audit_log(user: User) -> None:
    audit = user.cluster.audit
    before = audit.mark()

    await user.output("kubectl", "apply -f -", stdin=manifests.deployment())

    await wait_until(lambda: changes(user, before))
    [change] = changes(user, before)
    assert (change.verb, change.group, change.resource, change.name) == ("create", "apps", "deployments", "web")
    assert change.code == 201
    assert await audit.wait_for(change.audit_id) == change


async def test_dry_run_of_a_deletion_is_known_by_its_body(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.config_map("kept"))
    before = user.cluster.audit.mark()

    await user.output("kubectl", "delete configmap kept --dry-run=server")

    def deletions() -> list[AuditEvent]:
        return [event for event in changes(user, before) if event.verb == "delete"]

    await wait_until(deletions)
    assert [(event.name, event.dry_run) for event in deletions()] == [("kept", True)]


async def test_requests_of_the_control_plane_itself_are_left_out(user: User) -> None:
    await user.output("kubectl", "create deployment web --image=registry.example/web:1")
    await user.output("kubectl", "wait deployment/web --for=condition=available --timeout=60s")

    assert {event.user for event in user.cluster.audit.events()} <= {"admin", "viewer", ""}
