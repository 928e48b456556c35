"""Writes the golden file of today's wire format: `python -m tests.support.golden_wire`, once for each version.

One that is there is not replaced: what a released version wrote stays as it was.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.changes import Change, Changes, ChangeState
from shared.command.masking import Masking
from shared.effects import EffectRule, Effects, Impersonation, Limit, SecretValues
from shared.events import EventKind, OutputEvent
from shared.models import CommandClass, CommandResponse, JobId, JobState, Lane
from shared.sealing.envelope import ENVELOPE_VERSION, Command, RequestEnvelope
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store.workers import Announcement
from shared.tools.awaited import Among, Awaited, Goal
from shared.tools.own_server import OwnServer

FOLDER = Path(__file__).parents[1] / "unit" / "shared" / "golden"
IDENTITY = JobIdentity(JobId("ab" * 24), "anonymous")
REQUEST = RequestEnvelope(
    command=Command(
        tool="helm",
        arguments=("upgrade", "web", "./chart", "--set", "password=hunter2"),
        filters=(("grep", "-v", "p455"), ("head",)),
        verb=("upgrade",),
        kubeconfig="apiVersion: v1\nkind: Config\n",
        credentials={"ARGOCD_AUTH_TOKEN": "argo-token"},
        stdin="manifest",
        files={"chart/Chart.yaml": "name: web"},
        masking=Masking.RELEASE_OBJECT,
        own_server=OwnServer("http", "/argo", skips_verification=True, headers=(("X-Team", "a"),)),
        loopback_ports=(8080,),
        needs_cluster=True,
        effects=Effects(
            limit=Limit.STRICT,
            rules=(
                EffectRule(
                    name="see",
                    is_allowed=True,
                    kinds=("secrets",),
                    namespaces=("shop",),
                    shows_secrets=True,
                    why="it may",
                    instead="nothing",
                ),
            ),
            fence=("shop",),
            secrets=SecretValues.SHOWN,
            makes_credentials=True,
            tunnels=True,
            impersonation=Impersonation(user="jane", groups=("dev",), uid="1", extra=(("team", "a"),)),
        ),
        looked_up=("pods",),
        listens=True,
    ),
    command_class=CommandClass.WRITE,
    lane=Lane.SLOW,
    time_limit_s=330,
    queue_wait_s=900,
    is_endless=True,
    awaited=Awaited(Goal.CONDITION, Among.READ, ("Ready", "true"), ("/api/v1/applications/web",)),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate="vendor=1",
)
EVENT = OutputEvent.from_bytes(EventKind.STDOUT, 1_700_000_000_000, b"NAME\n", before={EventKind.STDERR: 3}, progress=1)
CHANGE = Change(
    number=1,
    verb="create",
    group="apps",
    resource="deployments",
    kind="Deployment",
    namespace="shop",
    name="web",
    state=ChangeState.DONE,
    status=201,
)
RESPONSE = CommandResponse(
    success=False,
    output="NAME\n",
    error="Error\n",
    exit_code=1,
    job_id=IDENTITY.job_id,
    state=JobState.FAILED,
    duration_ms=12,
    truncated=True,
    hint="do this",
    changes=Changes(count=1, summary="1 created", items=[CHANGE]),
)
ANNOUNCEMENT = Announcement(
    worker_id="host-0a1b2c3d",
    tools={"kubectl": "1.37.1"},
    slots={"fast": 8, "slow": 8},
    running=2,
    sandbox="landlock-7",
)
RECORD = {
    "state": "running",
    "lane": "slow",
    "tool": "helm",
    "created_at": "1700000000000",
    "queue_deadline": "1700000900000",
    "attempt": "1",
    "fingerprint": "",
    "owner": "0123",
    "exclusive": "4567",
    "principal": IDENTITY.principal,
    "repeatable": "",
    "share": "2345",
    "watchers": "6789",
    "class": "write",
    "time_limit_s": "330.0",
    "retention_s": "3600",
    "started_at": "1700000001000",
    "worker": "host-0a1b2c3d",
    "fence": "89ab",
}


def written() -> dict[str, Any]:
    """What lies in Redis for one job, with what it means; the keys are fresh, and seal nothing else."""
    master_key = MasterKeys.generate()
    master = MasterKeys([master_key])
    request_key, output_key = DataKey.generate(IDENTITY), DataKey.generate(IDENTITY)
    opened = {"request": REQUEST, "event": EVENT, "response": RESPONSE, "announcement": ANNOUNCEMENT}
    return {
        "master_key": master_key,
        "job_id": IDENTITY.job_id,
        "principal": IDENTITY.principal,
        "record": {
            **RECORD,
            "request_key": request_key.wrap(master, Purpose.REQUEST_KEY).decode(),
            "output_key": output_key.wrap(master, Purpose.OUTPUT_KEY).decode(),
        },
        "sealed_request": request_key.seal(REQUEST.model_dump_json().encode(), Purpose.REQUEST).decode(),
        "sealed_event": output_key.seal(EVENT.model_dump_json().encode(), Purpose.EVENT, 1).decode(),
        "sealed_response": output_key.seal(RESPONSE.model_dump_json().encode(), Purpose.RESPONSE).decode(),
        "key_mark": master.seal_mark().decode(),
        "announcement": ANNOUNCEMENT.model_dump_json(),
        "opened": {name: model.model_dump(mode="json") for name, model in opened.items()},
    }


def main() -> None:
    """Refuses to replace a file."""
    path = FOLDER / f"wire-{ENVELOPE_VERSION}.json"
    if path.exists():
        sys.exit(f"{path} is there: a golden file never changes; a new format has a new version")
    path.write_text(json.dumps(written(), indent=1) + "\n")


if __name__ == "__main__":
    main()
