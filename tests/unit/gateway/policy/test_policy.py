"""What a refusal says, and that no manifest is too much. The corpus says what each mode lets run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.policy import Policy
from shared.command import parser
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools import registry

KUBECTL = registry.find("kubectl")


def judge(text: str, stdin: str | None = None) -> CommandClass:
    """The class of what may run in `strict`."""
    parsed = parser.parse(KUBECTL, text)
    policy = Policy(SecurityMode.STRICT)
    return policy.check(KUBECTL, parsed, stdin=stdin, files={}, kubeconfig_namespace="default").command_class


def test_refusal_names_rule_class_and_what_is_allowed() -> None:
    with pytest.raises(RequestError) as denied:
        judge("delete ns x")
    for part in ("strict/destructive/deletion-beyond-a-namespace", "destructive command", "Allowed instead"):
        assert part in denied.value.detail


@given(st.text() | st.text("-\nkind:Podamespc{}[]\"' "))
def test_no_manifest_brings_the_policy_down(stdin: str) -> None:
    try:
        found: object = judge("delete -f -", stdin)
    except RequestError as error:
        found = error.code
    assert found in (ErrorCode.POLICY_DENIED, CommandClass.DESTRUCTIVE)
