"""Secrets and credentials in each shape in which helm prints a release."""

import json

import pytest
import yaml

from worker.door.masking.tree import MaskingError
from worker.output.masking import helm

SECRET = "# Source: web/templates/secret.yaml\ndata:\n  a: aHVudGVyMg==\nkind: Secret\nstringData:\n  b: hunter2\n"
POD = "# Source: web/templates/pod.yaml\nkind: Pod\nmetadata: {name: web}\n"
MANIFEST = f"---\n{SECRET}---\n{POD}"
TOLD = f"""NAME: web
STATUS: deployed
USER-SUPPLIED VALUES:
password: hunter2

COMPUTED VALUES:
nested:
  apiToken: hunter2
replicas: 1

HOOKS:
---
# Source: web/templates/hook.yaml
kind: Secret
stringData: {{c: hunter2}}
MANIFEST:
{MANIFEST}
NOTES:
MANIFEST:
It runs.
"""


def assert_hidden(text: str) -> None:
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_manifests_that_were_cut_off_are_an_error() -> None:
    with pytest.raises(MaskingError):
        helm.manifests(f"---\n{POD}---\ndata: {{a: hunter2}}\nkind: Secre")


@pytest.mark.parametrize("heading", ["", "USER-SUPPLIED VALUES:\n", "COMPUTED VALUES:\n"])
def test_values_are_masked_below_each_heading(heading: str) -> None:
    text = helm.values(f"{heading}password: hunter2\nreplicas: 1\n").text
    assert text == f'{heading}password: "[masked, 7 bytes]"\nreplicas: 1\n'


def test_each_section_of_a_release_is_masked() -> None:
    text = helm.release(TOLD).text
    assert_hidden(text)
    assert text.count("[masked, 7 bytes]") == 4
    assert text.startswith("NAME: web\nSTATUS: deployed\nUSER-SUPPLIED VALUES:\n")
    assert text.endswith("NOTES:\nMANIFEST:\nIt runs.\n")


def test_release_without_sections_is_told_as_it_is() -> None:
    told = "NAME: web\nSTATUS: deployed\n\nNOTES:\nkind: Secret\n"
    assert helm.release(told).text == told


def test_notes_that_look_like_another_section_hide_none_before() -> None:
    text = helm.release(f"MANIFEST:\n{MANIFEST}\nNOTES:\nlook\nNOTES:\nagain\n").text
    assert_hidden(text)
    assert text.endswith("NOTES:\nagain\n")


@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump], ids=["json", "yaml"])
def test_release_object_is_masked_in_its_values_manifest_and_hooks(dump: object) -> None:
    release = {
        "chart": {"values": {"db": {"password": "hunter2"}, "replicas": 1}},
        "config": {"password": "hunter2"},
        "info": {"resources": {"v1/Secret": [{"data": {"a": "aHVudGVyMg=="}}], "v1/Pod": [{"kind": "Pod"}]}},
        "hooks": [{"manifest": SECRET, "name": "web"}],
        "manifest": MANIFEST,
        "name": "web",
    }
    assert callable(dump)
    text = helm.release_object(dump(release) + "\n").text
    assert_hidden(text)
    read = yaml.safe_load(text)
    assert (read["chart"]["values"]["replicas"], read["name"]) == (1, "web")
    assert [each["kind"] for each in yaml.safe_load_all(read["manifest"])] == ["Secret", "Pod"]


@pytest.mark.timeout(60)
def test_notes_full_of_headings_are_read_once() -> None:
    """Where each heading were compared with all others, this would take hours."""
    told = f"{TOLD}{'NOTES:' + chr(10)}" + "NOTES:\nMANIFEST:\n" * 50_000
    assert_hidden(helm.release(told.replace("It runs.\n", "")).text)


def test_more_values_than_fit_into_memory_are_an_error() -> None:
    with pytest.raises(MaskingError, match="more than"):
        helm.release_object('{"config": {"a": [' + "{}," * 1_000_000 + "1]}}")
