"""Each command of the corpus is read, judged in every mode and placed by the fence as its line says."""

import pytest

from gateway.policy.policy import Judgement, Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.command.invocation import Invocation
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools import registry
from tests.support import corpus
from tests.support.corpus import KUBECONFIG_NAMESPACE, NOTHING, Row

READ_ONLY, STRICT, PERMISSIVE = SecurityMode.READ_ONLY, SecurityMode.STRICT, SecurityMode.PERMISSIVE
FENCE = Rules.model_validate({"namespaces": corpus.FENCE})
ROWS = tuple(corpus.rows())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.text)
def test_command_is_what_its_line_says(row: Row) -> None:
    assert found(row) == row


def test_no_command_stands_twice() -> None:
    assert len({row.text for row in ROWS}) == len(ROWS)


def test_each_tool_class_and_place_is_in_the_corpus() -> None:
    assert {row.tool for row in ROWS} == {*registry.names()}
    assert {*CommandClass} - {CommandClass.INTERACTIVE} <= {row.found for row in ROWS}
    assert {row.fence for row in ROWS} == {"yes", "no", NOTHING}


def found(row: Row) -> Row:
    """The line as it would have to be."""
    tool = registry.find(row.tool)
    try:
        invocation = parser.parse(tool, row.command)
    except RequestError as error:
        return refused(row, error)
    assert (invocation.tool, bool(invocation.arguments)) == (tool.name, True)
    checked = [check(row, invocation, mode) for mode in (READ_ONLY, STRICT, PERMISSIVE)]
    judged = Policy(STRICT, FENCE).judge(tool, invocation, kubeconfig_namespace=KUBECONFIG_NAMESPACE)
    assert invocation.command_class is not CommandClass.LOCAL or not invocation.needs_cluster
    if isinstance(checked[-1], Judgement):
        assert checked[-1].masking is None, "permissive masks nothing"
    return Row(
        row.text,
        invocation.command_class,
        invocation.lane,
        decision(checked[0]),
        decision(checked[1]),
        decision(checked[2]),
        "no" if judged.decision.rule == "fence" else "yes",
        judged.masking or NOTHING,
    )


def refused(row: Row, error: RequestError) -> Row:
    """It says what to do, and repeats no path of the worker."""
    assert len(error.detail) > len(row.command) // 2
    assert "root/.kube" not in error.detail
    return Row(row.text, error.code)


def check(row: Row, invocation: Invocation, mode: SecurityMode) -> Judgement | RequestError:
    tool = registry.find(row.tool)
    try:
        return Policy(mode).check(tool, invocation, kubeconfig_namespace=KUBECONFIG_NAMESPACE)
    except RequestError as error:
        return error


def decision(checked: Judgement | RequestError) -> str:
    if isinstance(checked, Judgement):
        return "yes"
    return "no" if checked.code is ErrorCode.POLICY_DENIED else checked.code
