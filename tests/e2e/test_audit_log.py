"""The API server's own notes, which the product's are compared with."""

from tests.e2e import manifests
from tests.e2e.user import User


async def test_requests_of_a_command_are_in_the_audit_log(user: User) -> None:
    audit = user.cluster.audit
    before = audit.mark()

    await user.output("kubectl", "apply -f -", stdin=manifests.deployment())

    changes = [event for event in audit.events(since=before, users=["admin"]) if event.is_change]
    assert [(event.verb, event.group, event.resource, event.namespace, event.name) for event in changes] == [
        ("create", "apps", "deployments", user.namespace, "web")
    ]
    assert changes[0].code == 201
    assert await audit.wait_for(changes[0].audit_id) == changes[0]


async def test_dry_run_of_a_deletion_is_known_by_its_body(user: User) -> None:
    await user.output("kubectl", "apply -f -", stdin=manifests.config_map("kept"))
    before = user.cluster.audit.mark()

    await user.output("kubectl", "delete configmap kept --dry-run=server")

    deletions = [event for event in user.cluster.audit.events(since=before) if event.verb == "delete"]
    assert [(event.name, event.dry_run) for event in deletions] == [("kept", True)]


async def test_requests_of_the_control_plane_itself_are_left_out(user: User) -> None:
    await user.output("kubectl", "create deployment web --image=registry.example/web:1")
    await user.output("kubectl", "wait deployment/web --for=condition=available --timeout=60s")

    assert {event.user for event in user.cluster.audit.events()} <= {"admin", "viewer", ""}
