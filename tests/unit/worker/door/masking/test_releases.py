"""Secrets among the manifests of a chart, and in the releases that helm keeps."""

import base64
import gzip
import json
import random
from typing import Any

import pytest
import yaml

from worker.door.masking import budget, manifests, marks, releases
from worker.door.masking.budget import Budget
from worker.door.masking.tree import MaskingError

SECRET = "# Source: web/templates/secret.yaml\ndata:\n  a: aHVudGVyMg==\nkind: Secret\nstringData:\n  b: hunter2\n"
POD = "# Source: web/templates/pod.yaml\nkind: Pod\nmetadata: {name: web}\n"
MANIFEST = f"---\n{SECRET}---\n{POD}"


def assert_hidden(text: str) -> None:
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_secrets_among_manifests_are_masked_and_the_rest_is_as_rendered() -> None:
    text = manifests.mask(MANIFEST, Budget()).text
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
    text = manifests.mask(f"---\n{document}---\n{POD}", Budget()).text
    assert text == f"---\n{manifests.WITHHELD}---\n{POD}"


def test_kind_in_another_spelling_is_read() -> None:
    assert_hidden(manifests.mask('kind: "\\x53ecret"\ndata: {a: hunter2}\n', Budget()).text)
    assert_hidden(manifests.mask("kind: Pod\n...\nkind: Secret\ndata: {a: hunter2}\n", Budget()).text)


def test_lines_that_are_no_documents_stay() -> None:
    assert manifests.mask("wrote ./out/web.yaml\n", Budget()).text == "wrote ./out/web.yaml\n"


def test_release_is_masked_in_its_values_manifest_and_hooks() -> None:
    release = {
        "chart": {"values": {"db": {"password": "hunter2"}, "replicas": 1}},
        "config": {"password": "hunter2"},
        "info": {"resources": {"v1/Secret": [{"data": {"a": "aHVudGVyMg=="}}], "v1/Pod": [{"kind": "Pod"}]}},
        "hooks": [{"manifest": SECRET, "name": "web"}],
        "manifest": MANIFEST,
        "name": "web",
    }
    read = opened(releases.masked(packed(release), Budget()))
    assert_hidden(json.dumps(read))
    assert (read["chart"]["values"]["replicas"], read["name"]) == (1, "web")
    assert [each["kind"] for each in yaml.safe_load_all(read["manifest"])] == ["Secret", "Pod"]


def test_files_of_the_chart_are_masked_and_stay_base64() -> None:
    data = base64.b64encode(b"stringData: {a: hunter2}").decode()
    release = {
        "info": {},
        "chart": {"templates": [{"name": "a", "data": data}], "files": [{"name": "b", "data": data}]},
    }
    chart = opened(releases.masked(packed(release), Budget()))["chart"]
    assert [base64.b64decode(file["data"]) for file in chart["templates"] + chart["files"]] == [
        b"[masked, 24 bytes]"
    ] * 2


@pytest.mark.parametrize(
    "value",
    [
        "H4sI",
        "H4sIAAAA",
        "SDRzSQ==",
        "H4sIaaaa",
        "aHVudGVyMg==",
        "hunter2",
        base64.b64encode(gzip.compress(b"[", mtime=0)).decode(),
        base64.b64encode(gzip.compress(b'{"password": "hunter2"}', mtime=0)).decode(),
        base64.b64encode(gzip.compress(b'{"info": {}}', mtime=0)[:-2]).decode(),
    ],
)
def test_what_cannot_be_opened_is_masked_as_a_whole(value: str) -> None:
    assert marks.are_in(releases.masked(value, Budget()).encode())


@pytest.mark.parametrize(
    "release",
    [
        {"info": {}, "x": " " * budget.MOST_UNPACKED_BYTES},
        {"info": {}, "x": [{}] * budget.MOST_PARTS},
        {"info": {}, "config": [0] * budget.MOST_VALUES},
        {"info": {}, "chart": {"values": {"a": "a=b " * 3 * budget.MOST_VALUES}}},
        {"info": {}, "manifest": "kind: Secret\nx: |\n" + "  line\n" * (budget.MOST_YAML_CHARACTERS // 6)},
        {"info": {}, "manifest": "".join(f"---\nkind: Secret\nx: [{'a, ' * 40}]\n" for _ in range(1500))},
        {"info": {}, "hooks": [{"manifest": f"kind: Secret\nx: [{'a, ' * 200}]\n"} for _ in range(300)]},
        {"info": {}, "manifest": "--- a\n" * 15_000},
    ],
    ids=["bytes", "parts", "values", "text", "YAML", "values in documents", "values in hooks", "documents"],
)
def test_release_that_would_be_masked_for_long_is_masked_as_a_whole(release: object) -> None:
    value = packed(release)
    assert releases.masked(value, Budget()) == encoded(f"[masked, {len(value) * 3 // 4 - value.count('=')} bytes]")


def test_releases_share_a_budget() -> None:
    half = packed({"info": {}, "x": " " * (budget.MOST_UNPACKED_BYTES // 2)})
    shared = Budget()
    assert [releases.masked(half, shared) == half for _ in range(2)] == [True, False]

    shared, small = Budget(), packed({"info": {}})
    seen = [releases.masked(small, shared) == small for _ in range(budget.MOST_OPENED + 2)]
    assert seen == [True] * budget.MOST_OPENED + [False] * 2


def test_large_release_of_helm_is_masked_inside() -> None:
    """helm stores no more than 1 MiB of it, packed."""
    secrets = "".join(f"---\n{SECRET}" for _ in range(200))
    pods = f"---\n{POD}spec: {{note: {'x' * 1000}}}\n" * 1000
    files = [{"name": f"templates/{n}", "data": random.Random(n).randbytes(2000).hex()} for n in range(200)]
    release = {
        "info": {},
        "chart": {"values": {f"k{n}": {"password": "hunter2", "on": True} for n in range(3000)}, "templates": files},
        "manifest": secrets + pods,
    }
    read = opened(releases.masked(packed(release), Budget()))
    assert_hidden(json.dumps(read))
    assert read["manifest"].endswith(pods)


def test_release_without_credentials_stays_as_it_was() -> None:
    value = packed({"name": "web", "info": {}, "config": {"replicas": 1}})
    assert releases.masked(value, Budget()) == value


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def packed(release: object) -> str:
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()


def opened(value: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(value))))
    return content


def test_more_documents_than_can_be_read_soon_are_an_error() -> None:
    with pytest.raises(MaskingError, match="more than"):
        manifests.mask("--- a\n" * 1_000_000, Budget())
