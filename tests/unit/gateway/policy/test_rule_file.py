"""A file that does not fit is told by its path, its line and its reason, in one line."""

from pathlib import Path

import pytest

from gateway.policy import rule_file
from gateway.policy.rules import Action
from shared.settings import SettingsError

RULE = "rules:\n- name: a\n  action: deny\n"


def refusal(path: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        rule_file.load(path)
    text = str(refused.value)
    assert str(path) in text
    assert "K8S_MCP_SECURITY_CONFIG" in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        pytest.param("rules: [}", 1, "not valid YAML", id="no YAML"),
        pytest.param("rules: []\nrules: []", 2, "key twice", id="key twice"),
        pytest.param("namespaces: &a [b]\nrules: *a", 2, "aliases", id="alias"),
        pytest.param("rules: []\nfoo: 1", 2, "foo", id="unknown key"),
        pytest.param("trust_charts: yes please", 1, "boolean", id="no boolean"),
        pytest.param("trust_charts: 1", 1, "boolean", id="number for a boolean"),
        pytest.param("namespaces: []", 1, "at least 1", id="fence around nothing"),
        pytest.param("namespaces: ['']", 1, "at least 1", id="empty name"),
        pytest.param("\nrules:", 2, "rules", id="rules that are null"),
        pytest.param("rules: {a: b}", 1, "rules", id="rules that are not a list"),
        pytest.param("rules:\n- name: a\n  verbs: get", 2, "action", id="no action"),
        pytest.param("rules:\n- action: deny\n  verbs: get", 2, "name", id="no name"),
        pytest.param("rules:\n- name: A b\n  action: deny\n  verbs: get", 2, "name", id="name that is none"),
        pytest.param("rules:\n- name: a\n  action: drop\n  verbs: get", 3, "'allow' or 'deny'", id="action"),
        pytest.param(RULE + "  verb: get", 4, "verb", id="unknown condition"),
        pytest.param(RULE + "  tools: kubectll", 4, "did you mean 'kubectl'?", id="tool"),
        pytest.param(RULE + "  verbs:\n  - get\n  - delte", 4, "did you mean 'delete'?", id="verb"),
        pytest.param(RULE + "  tools: helm\n  verbs: apply", 5, "helm has no verb 'apply'", id="verb of another tool"),
        pytest.param(RULE + "  verbs: 'get*pods'", 4, "no verb", id="pattern that nothing fits"),
        pytest.param(RULE + "  classes: writes", 4, "did you mean 'write'?", id="class"),
        pytest.param(RULE + "  flags: forse", 4, "did you mean 'force'?", id="flag"),
        pytest.param(RULE + "  tools: helm\n  kinds: pods", 5, "do not name kinds", id="kinds of helm"),
        pytest.param(RULE + "  kinds: []", 4, "at least 1", id="empty condition"),
        pytest.param(RULE, 2, "every command", id="no condition"),
        pytest.param("rules:\n- {name: a, action: allow, classes: interactive}", 2, "terminal", id="terminal"),
        pytest.param(
            "rules:\n- {name: a, action: allow, flags: token}", 2, "no rule can allow `--token`", id="identity"
        ),
        pytest.param(f"{RULE}  verbs: get\n- {{name: a, action: deny, verbs: get}}", 1, "the name a", id="name twice"),
        pytest.param(RULE + "  verbs: get\n  why: [a]", 5, "string", id="reason that is not text"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    told = refusal(path)
    assert f"line {line}" in told
    assert reason in told


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "one mapping", id="empty"),
        pytest.param(b"- a", "one mapping", id="list"),
        pytest.param(b"rules: []\n---\nrules: []", "one mapping", id="two documents"),
        pytest.param(b"\xff", "UTF-8", id="no text"),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_file_that_is_none_is_told(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "policy.yaml"
    if content is not None:
        path.write_bytes(content)
    assert reason in refusal(path)


def test_a_word_stands_for_a_list_of_one_and_kinds_and_flags_get_their_proper_names(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(RULE + "  verbs: delete\n  kinds: [po, Deployment]\n  flags: --force\n")
    [rule] = rule_file.load(path).rules.rules
    assert (rule.action, rule.verbs, rule.kinds, rule.flags) == (
        Action.DENY,
        ("delete",),
        ("pods", "deployments"),
        ("force",),
    )


def test_digest_tells_contents_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("rules: []")
    other.write_text("rules: [] # later")
    assert rule_file.load(one).digest == rule_file.load(one).digest != rule_file.load(other).digest
