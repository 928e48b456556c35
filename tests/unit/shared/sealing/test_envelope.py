import json

import pytest
from pydantic import ValidationError

from shared.command.masking import Masking
from shared.models import CommandClass
from shared.sealing.envelope import RequestEnvelope
from tests.support import golden_wire

FULL = golden_wire.REQUEST.model_copy(update={"tracestate": "vendor=value", "masking": None})
GOLDEN = """\
{
  "version": 1,
  "tool": "helm",
  "arguments": ["upgrade", "web", "./chart", "--set", "password=hunter2"],
  "filters": [["grep", "-v", "p455"], ["head"]],
  "verb": ["upgrade"],
  "command_class": "write",
  "kubeconfig": "apiVersion: v1\\nkind: Config\\n",
  "credentials": {"ARGOCD_AUTH_TOKEN": "argo-token"},
  "stdin": "manifest",
  "files": {"chart/Chart.yaml": "name: web"},
  "time_limit_s": 330,
  "queue_wait_s": 900,
  "is_endless": true,
  "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "tracestate": "vendor=value",
  "attempt": 2
}"""
"""What gateways of one version write and workers of another read: a change here needs a new envelope version."""


def test_written_envelope_is_the_agreed_json() -> None:
    assert json.loads(FULL.model_dump_json()) == json.loads(GOLDEN)


def test_agreed_json_is_read() -> None:
    assert RequestEnvelope.model_validate_json(GOLDEN) == FULL


def test_what_is_not_given_has_a_default() -> None:
    given = """{
        "tool": "kubectl", "arguments": ["version"], "verb": ["version"], "command_class": "local",
        "time_limit_s": 300, "queue_wait_s": 900
    }"""
    envelope = RequestEnvelope.model_validate_json(given)

    assert envelope == RequestEnvelope(
        tool="kubectl",
        arguments=("version",),
        verb=("version",),
        command_class=CommandClass.LOCAL,
        time_limit_s=300,
        queue_wait_s=900,
    )
    assert (envelope.version, envelope.attempt, envelope.lifetime_s) == (1, 1, 1_200)


def test_masking_is_left_out_where_none_is_asked_for() -> None:
    """A worker of the version before runs what needs none, and refuses what does."""
    masked = FULL.model_copy(update={"masking": Masking.OBJECTS})

    assert "masking" not in json.loads(FULL.model_dump_json())
    assert json.loads(masked.model_dump_json()) == json.loads(GOLDEN) | {"masking": "objects"}
    assert RequestEnvelope.model_validate_json(masked.model_dump_json()) == masked


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"surprise": True}, {"arguments": [1]}, {"masking": "new"}],
    ids=["version", "field", "type", "masking"],
)
def test_envelope_of_another_shape_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RequestEnvelope.model_validate_json(json.dumps(json.loads(GOLDEN) | change))


def test_no_secret_shows_in_text() -> None:
    for secret in ("hunter2", "argo-token", "apiVersion", "manifest", "name: web", "p455"):
        assert secret not in repr(FULL)
