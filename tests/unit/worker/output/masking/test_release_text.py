"""A release that helm prints as JSON or YAML."""

import json
from collections.abc import Callable

import pytest
import yaml

from shared.documents import Value
from worker.door.masking.tree import MaskingError
from worker.output.masking import release_text

RELEASE: Value = {
    "name": "web",
    "config": {"password": "hunter2"},
    "chart": {"values": {"replicas": 1}},
    "manifest": "kind: Secret\nstringData: {a: hunter2}\n",
    "info": {"description": 'Secret: Invalid value: "hunter2": wrong'},
}


@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump], ids=["json", "yaml"])
def test_values_are_masked_and_the_rest_stays(dump: Callable[[Value], str]) -> None:
    text = release_text.mask(dump(RELEASE) + "\n")
    assert "hunter2" not in text
    read = yaml.safe_load(text)
    assert (read["name"], read["chart"]) == ("web", {"values": {"replicas": 1}})
    assert read["config"] == {"password": "[masked, 7 bytes]"}


@pytest.mark.parametrize(
    "text",
    ['{"config": {"password": "hunter2"', "config: {password: hunter2", "config: {password: hunter2}", "{" * 100_000],
    ids=["cut json", "cut yaml", "cut line", "deep"],
)
def test_what_cannot_be_read_is_an_error_that_repeats_nothing(text: str) -> None:
    with pytest.raises(MaskingError) as caught:
        release_text.mask(text)
    chain = [caught.value, caught.value.__context__, caught.value.__cause__]
    assert not any("hunter2" in f"{error} {error!r}" for error in chain)


def test_more_values_than_fit_into_memory_are_an_error() -> None:
    with pytest.raises(MaskingError, match="more than"):
        release_text.mask('{"config": {"a": [' + "{}," * 1_000_000 + "1]}}")
