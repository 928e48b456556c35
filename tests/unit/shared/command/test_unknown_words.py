"""Verbs and flags that a CLI does not have. The corpus says which commands have one."""

import pytest

from shared.command import parser
from shared.tools import registry


@pytest.mark.parametrize(
    ("text", "shown", "nearest"),
    [
        ("kubectl foo", "foo", None),
        ("kubectl gte pods", "gte", "get"),
        ("kubectl GET pods", "GET", None),
        ("kubectl rollout statu x", "rollout statu", "rollout status"),
        ("kubectl get pods --ouptut=json", "--ouptut", "--output"),
        ("kubectl get pods --dry-run=client", "--dry-run", None),
        ("kubectl get pods -x", "-x", None),
        ("helm get value x", "get value", "get values"),
    ],
)
def test_word_that_the_cli_does_not_have_is_named_with_the_nearest(text: str, shown: str, nearest: str | None) -> None:
    word = parser.parse(registry.find(text.split(maxsplit=1)[0]), text).unknown
    assert word is not None
    assert (word.shown, word.nearest) == (shown, nearest)
