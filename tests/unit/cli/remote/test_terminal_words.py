"""What a gateway or a worker says of fields and headers, in terms of `mcp-k8s run`."""

from pathlib import Path

import pytest

from cli.remote import terminal_words
from shared.command import parser
from shared.errors import RequestError
from shared.tools import failure_hints, registry

REFUSED = [
    "apply -f /etc/hosts",
    "apply -f - < cm.yaml",
    "get pods --kubeconfig=x",
    "cp a b",
    "edit pod a",
    "get -f /proc/x",
]
MISSING_FILE = 'error: the path "cm.yaml" does not exist'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cm.yaml", "my values.yaml"):
        (tmp_path / name).touch()


def translated(advice: str, *arguments: str, sent: tuple[str, ...] = ()) -> str:
    return terminal_words.translated(advice, tool="kubectl", arguments=arguments, sent=[Path(name) for name in sent])


def hint() -> str:
    found = failure_hints.find(failure_hints.CLUSTER, MISSING_FILE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("arguments", "sent", "command"),
    [
        (("apply", "-f", "cm.yaml"), (), "--file cm.yaml kubectl apply -f cm.yaml"),
        (("apply", "--filename=cm.yaml"), (), "--file cm.yaml kubectl apply --filename=cm.yaml"),
        (
            ("create", "configmap", "web", "--from-file=a=my values.yaml", "-f", "cm.yaml"),
            ("cm.yaml",),
            "--file cm.yaml --file 'my values.yaml' kubectl create configmap web '--from-file=a=my values.yaml' "
            "-f cm.yaml",
        ),
    ],
    ids=["word", "value", "one was sent"],
)
def test_missing_file_is_told_with_the_command_that_sends_it(
    arguments: tuple[str, ...], sent: tuple[str, ...], command: str
) -> None:
    text = translated(hint(), *arguments, sent=sent)

    assert "send them with `--file`, or a manifest through `--stdin` with `-f -`." in text
    assert text.endswith(f" Here: mcp-k8s run {command}")


@pytest.mark.parametrize("name", ["gone.yaml", "/etc/hosts", "../cm.yaml"])
def test_no_command_is_made_up_for_a_file_that_cannot_be_sent(name: str) -> None:
    assert "mcp-k8s run" not in translated(hint(), "apply", "-f", name)


@pytest.mark.parametrize("command", REFUSED)
def test_no_refusal_names_a_field_or_a_header(command: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parser.parse(registry.find("kubectl"), command)

    text = translated(refusal.value.detail, "get", "pods")
    assert not any(word in text for word in ("`files`", "`stdin`", "`kubeconfig`", "X-Kubeconfig", "field"))


def test_advice_about_something_else_stays() -> None:
    assert translated("Use `logs`.", "apply", "-f", "cm.yaml") == "Use `logs`."
