"""Objects in which helm keeps its releases, and others with packed values."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.support.secret_cases import CONFIG_MAPS, SECRETS, encoded
from worker.door.masking import budget
from worker.door.masking.answers import AnswerMask
from worker.door.masking.tree import MaskingError
from worker.door.requests import request_info

RELEASE = {"name": "web", "info": {}, "config": {"password": "hunter2"}}
OF_HELM: dict[str, Any] = {"name": "web", "labels": {"owner": "helm"}}


def packed(content: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()


def masked(path: str, root: object) -> Any:
    mask = AnswerMask(request_info.resolve("GET", f"{path}/web", ()))
    return json.loads(mask.masked(json.dumps(root).encode()))


@pytest.mark.parametrize("metadata", [OF_HELM, {"name": "sh.helm.release.v1.web.v1"}])
def test_release_in_a_config_map_of_helm_is_masked_inside(metadata: dict[str, Any]) -> None:
    found = masked(CONFIG_MAPS, {"kind": "ConfigMap", "metadata": metadata, "data": {"release": packed(RELEASE)}})
    release = json.loads(gzip.decompress(base64.b64decode(found["data"]["release"])))
    assert (release["name"], release["config"]) == ("web", {"password": "[masked, 7 bytes]"})


def test_release_in_a_config_map_that_is_not_packed_is_masked_as_a_whole() -> None:
    """helm reads it: it unpacks only what begins as gzip does."""
    release = encoded(json.dumps(RELEASE))
    assert release not in str(masked(CONFIG_MAPS, {"metadata": OF_HELM, "data": {"release": release}}))


@pytest.mark.parametrize("metadata", [OF_HELM, {"name": "web"}])
@pytest.mark.parametrize("content", ["a dashboard", [1], {"title": "a dashboard"}, RELEASE])
def test_other_packed_value_of_a_config_map_stays(metadata: dict[str, Any], content: object) -> None:
    root = {"kind": "ConfigMap", "metadata": metadata, "data": {"dashboard.gz": packed(content)}}
    assert masked(CONFIG_MAPS, root) == root


def test_only_the_release_in_a_secret_of_helm_is_opened() -> None:
    value = encoded(packed(RELEASE))
    secret = {"type": "helm.sh/release.v1", "data": {"release": value, "other": value}, "stringData": {"release": "a"}}
    found = masked(SECRETS, secret)
    assert json.loads(gzip.decompress(base64.b64decode(base64.b64decode(found["data"]["release"]))))["name"] == "web"
    assert base64.b64decode(found["data"]["other"]).startswith(b"[masked, ")
    assert found["stringData"] == {"release": "[masked, 1 bytes]"}


def test_release_that_an_annotation_or_an_error_repeats_is_masked() -> None:
    config_map = {"metadata": OF_HELM, "data": {"release": packed(RELEASE)}}
    annotated = {"metadata": OF_HELM | {"annotations": {"applied": json.dumps(config_map)}}}
    quoted = json.dumps(json.dumps(config_map))
    status = {"kind": "Status", "message": f'ConfigMap "web" is invalid: patch: Invalid value: {quoted}: bad'}
    for root in (annotated, status):
        assert packed(RELEASE) not in str(masked(CONFIG_MAPS, root))


def test_object_with_more_parts_than_can_be_read_at_once_is_an_error() -> None:
    with pytest.raises(MaskingError, match="parts"):
        masked(SECRETS, {"kind": "Secret", "data": {"a": [0] * budget.MOST_PARTS}})
