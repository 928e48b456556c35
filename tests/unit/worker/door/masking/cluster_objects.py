"""Objects of a cluster as kubectl prints them, with a canary for each value that must not be seen."""

import base64
import json
from typing import Any

import yaml
from hypothesis import strategies as st

CANARY = "canary"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\u2028\u2029\x85"), max_size=9)
KEYS = st.one_of(st.sampled_from(["kind", "data", "items", "metadata", "tls.crt", "yes"]), TEXTS)


def hidden(text: str) -> str:
    """A value with the canary in it, as a Secret's data hold it."""
    return base64.b64encode(f"{CANARY}{text}".encode()).decode()


SEEN_IN_BASE64 = base64.b64encode(CANARY.encode()).decode()


@st.composite
def secrets(draw: st.DrawFn) -> dict[str, Any]:
    """One Secret, applied by kubectl or not."""
    names = draw(st.lists(KEYS, max_size=3, unique=True))
    data = {name: hidden(draw(TEXTS)) for name in names}
    texts = {name: f"{CANARY}\n {draw(TEXTS)}" for name in draw(st.lists(KEYS, max_size=2, unique=True))}
    secret = {"apiVersion": "v1", "data": data, "kind": "Secret", "stringData": texts, "type": "Opaque"}
    applied = {LAST_APPLIED: json.dumps(secret) + "\n"}
    annotations = {**draw(st.sampled_from([{}, applied])), "note": draw(TEXTS)}
    return {**secret, "metadata": {"annotations": annotations, "name": "web"}}


OTHERS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["ConfigMap", "SecretStore"]),
        "data": st.dictionaries(KEYS, TEXTS, max_size=3),
        "spec": st.lists(st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), max_size=3),
    }
)
LISTS = st.recursive(
    st.one_of(secrets(), OTHERS),
    lambda below: st.fixed_dictionaries({"apiVersion": st.just("v1"), "items": st.lists(below, max_size=3)}).map(
        lambda found: {**found, "kind": "List"}
    ),
    max_leaves=6,
)
TYPED_LISTS = st.lists(secrets(), max_size=3).map(
    lambda found: {"items": [{**each, "kind": None} for each in found], "kind": "SecretList"}
)
EVENTS = LISTS.map(lambda found: {"object": found, "type": "ADDED"})
STREAMS = st.lists(st.one_of(LISTS, TYPED_LISTS, EVENTS), min_size=1, max_size=3)


def as_json(stream: list[Any]) -> str:
    return "".join(json.dumps(each, indent=4) + "\n" for each in stream)


def as_yaml(stream: list[Any], *, flow: bool = False) -> str:
    return "---\n".join(yaml.safe_dump(each, allow_unicode=True, default_flow_style=flow) for each in stream)
