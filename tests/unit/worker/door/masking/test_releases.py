"""Secrets among the manifests of a chart, and in the releases that helm keeps."""

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from worker.door.masking import manifests, marks, releases
from worker.door.masking.tree import MaskingError

SECRET = "# Source: web/templates/secret.yaml\ndata:\n  a: aHVudGVyMg==\nkind: Secret\nstringData:\n  b: hunter2\n"
POD = "# Source: web/templates/pod.yaml\nkind: Pod\nmetadata: {name: web}\n"
MANIFEST = f"---\n{SECRET}---\n{POD}"


def assert_hidden(text: str) -> None:
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_secrets_among_manifests_are_masked_and_the_rest_is_as_rendered() -> None:
    text = manifests.mask(MANIFEST).text
    assert_hidden(text)
    assert text.endswith(f"---\n{POD}")
    assert "# Source: web/templates/secret.yaml" in text


@pytest.mark.parametrize(
    "document",
    [
        "kind: Secret\ndata: {a: hunter2\n",
        "data: {a: hunter2}\n",
        "kind: &k Secret\ndata: {a: hunter2}\n",
        'kind: "\\x53ecret"\nx: [\ndata: hunter2\n',
        "kind: ConfigMap\nx: &x {kind: Secret}\ndata: {a: hunter2}\n",
        "kind: !!binary U2VjcmV0\nstringData: {a: hunter2}\n",
        "kind: Secret\n<<: {stringData: {a: hunter2}}\n",
        "kind: ConfigMap\n<<: {kind: Secret}\ndata: {a: hunter2}\n",
        'x: &x "\\x53ecret"\nkind: *x\ndata: {a: hunter2}\n',
    ],
    ids=[
        *("broken", "no kind", "anchor", "escaped and broken", "anchored secret"),
        *("kind in base64", "merged values", "merged kind", "escaped and anchored"),
    ],
)
def test_document_that_cannot_be_judged_is_withheld_alone(document: str) -> None:
    text = manifests.mask(f"---\n{document}---\n{POD}").text
    assert text == f"---\n{manifests.WITHHELD}---\n{POD}"


def test_kind_in_another_spelling_is_read() -> None:
    assert_hidden(manifests.mask('kind: "\\x53ecret"\ndata: {a: hunter2}\n').text)
    assert_hidden(manifests.mask("kind: Pod\n...\nkind: Secret\ndata: {a: hunter2}\n").text)


def test_lines_that_are_no_documents_stay() -> None:
    assert manifests.mask("wrote ./out/web.yaml\n").text == "wrote ./out/web.yaml\n"


def test_release_is_masked_in_its_values_manifest_and_hooks() -> None:
    release = {
        "chart": {"values": {"db": {"password": "hunter2"}, "replicas": 1}},
        "config": {"password": "hunter2"},
        "info": {"resources": {"v1/Secret": [{"data": {"a": "aHVudGVyMg=="}}], "v1/Pod": [{"kind": "Pod"}]}},
        "hooks": [{"manifest": SECRET, "name": "web"}],
        "manifest": MANIFEST,
        "name": "web",
    }
    read = opened(releases.masked(packed(release)) or "")
    assert_hidden(json.dumps(read))
    assert (read["chart"]["values"]["replicas"], read["name"]) == (1, "web")
    assert [each["kind"] for each in yaml.safe_load_all(read["manifest"])] == ["Secret", "Pod"]


def test_files_of_the_chart_are_masked_and_stay_base64() -> None:
    data = base64.b64encode(b"stringData: {a: hunter2}").decode()
    release = {
        "info": {},
        "chart": {"templates": [{"name": "a", "data": data}], "files": [{"name": "b", "data": data}]},
    }
    chart = opened(releases.masked(packed(release)) or "")["chart"]
    assert [base64.b64decode(file["data"]) for file in chart["templates"] + chart["files"]] == [
        b"[masked, 24 bytes]"
    ] * 2


@pytest.mark.parametrize(
    "value",
    [
        "H4sIaaaa",
        "aHVudGVyMg==",
        "hunter2",
        base64.b64encode(gzip.compress(b"[", mtime=0)).decode(),
    ],
)
def test_what_is_no_release_cannot_be_opened(value: str) -> None:
    assert releases.masked(value) is None


def test_release_that_is_unpacked_to_too_much_is_masked_as_a_whole() -> None:
    large = base64.b64encode(gzip.compress(b"[" + b" " * releases.MOST_UNPACKED_BYTES + b"]")).decode()
    assert releases.masked(large) == f"[masked, {len(large)} bytes]"


@pytest.mark.parametrize("value", ["H4sI", "H4sIAAAA", "SDRzSQ=="])
def test_release_without_an_end_is_masked_as_a_whole(value: str) -> None:
    assert marks.are_in((releases.masked(value) or "").encode())


def test_release_without_credentials_stays_as_it_was() -> None:
    value = packed({"name": "web", "info": {}, "config": {"replicas": 1}})
    assert releases.masked(value) == value


def packed(release: object) -> str:
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()


def opened(value: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(value))))
    return content


def test_more_documents_than_can_be_read_soon_are_an_error() -> None:
    with pytest.raises(MaskingError, match="more than"):
        manifests.mask("--- a\n" * 1_000_000)
