import json

import pytest
from pydantic import ValidationError

from shared.models import CommandClass, Lane
from shared.sealing.envelope import Command, RequestEnvelope
from tests.support import golden_wire

FULL = golden_wire.REQUEST
GOLDEN = """\
{
  "version": 3,
  "command": {
    "tool": "helm",
    "arguments": ["upgrade", "web", "./chart", "--set", "password=hunter2"],
    "filters": [["grep", "-v", "p455"], ["head"]],
    "verb": ["upgrade"],
    "kubeconfig": "apiVersion: v1\\nkind: Config\\n",
    "credentials": {"ARGOCD_AUTH_TOKEN": "argo-token"},
    "stdin": "manifest",
    "files": {"chart/Chart.yaml": "name: web"},
    "masking": "release-object",
    "own_server": {"scheme": "http", "root_path": "/argo", "skips_verification": true, "headers": [["X-Team", "a"]]},
    "loopback_ports": [8080],
    "needs_cluster": true,
    "effects": {
      "limit": "strict",
      "rules": [
        {
          "name": "see",
          "is_allowed": true,
          "kinds": ["secrets"],
          "namespaces": ["shop"],
          "guards_changes_only": false,
          "shows_secrets": true,
          "why": "it may",
          "instead": "nothing"
        }
      ],
      "fence": ["shop"],
      "secrets": "shown",
      "makes_credentials": true,
      "tunnels": true,
      "impersonation": {
        "user": "jane",
        "groups": ["dev"],
        "uid": "1",
        "extra": [["team", "a"]],
        "in_reviews_only": true
      }
    },
    "looked_up": ["pods"],
    "listens": true
  },
  "command_class": "write",
  "lane": "slow",
  "time_limit_s": 330,
  "queue_wait_s": 900,
  "is_endless": true,
  "awaited": {
    "goal": "condition",
    "among": "read",
    "condition": ["Ready", "true"],
    "own_paths": ["/api/v1/applications/web"]
  },
  "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "tracestate": "vendor=1"
}"""
"""What gateways of one version write and workers of another read: a change here needs a new envelope version."""


def test_written_envelope_is_the_agreed_json() -> None:
    assert json.loads(FULL.model_dump_json()) == json.loads(GOLDEN)


def test_agreed_json_is_read() -> None:
    assert RequestEnvelope.model_validate_json(GOLDEN) == FULL


def test_what_is_not_given_has_a_default() -> None:
    given = """{
        "command": {"tool": "kubectl", "arguments": ["version"], "verb": ["version"]},
        "command_class": "local", "lane": "fast", "time_limit_s": 300, "queue_wait_s": 900
    }"""
    envelope = RequestEnvelope.model_validate_json(given)

    assert envelope == RequestEnvelope(
        command=Command(tool="kubectl", arguments=("version",), verb=("version",)),
        command_class=CommandClass.LOCAL,
        lane=Lane.FAST,
        time_limit_s=300,
        queue_wait_s=900,
    )
    assert (envelope.version, envelope.lifetime_s) == (3, 1_200)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (None, {"version": 1}),
        (None, {"version": 2}),
        (None, {"version": 4}),
        (None, {"surprise": True}),
        ("command", {"surprise": True}),
        ("command", {"arguments": [1]}),
        ("command", {"masking": "new"}),
        ("command", {"effects": {"limit": "new"}}),
        ("command", {"effects": {"surprise": True}}),
        ("command", {"loopback_ports": [0]}),
        ("awaited", {"surprise": True}),
    ],
)
def test_envelope_of_another_shape_is_refused(part: str | None, change: dict[str, object]) -> None:
    content = json.loads(GOLDEN)
    (content[part] if part else content).update(change)
    with pytest.raises(ValidationError):
        RequestEnvelope.model_validate_json(json.dumps(content))


def test_no_secret_shows_in_text() -> None:
    for secret in ("hunter2", "argo-token", "apiVersion", "manifest", "name: web", "p455"):
        assert secret not in repr(FULL)
