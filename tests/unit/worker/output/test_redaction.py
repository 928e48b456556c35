from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.argocd import definition as argocd
from worker.output import redaction
from worker.output.redaction import MASK, Redactor

SECRETS = ("abcababcab", "babcabab", "cabxabcab")
"""They begin and end alike, and lie in each other."""


def output_of(*chunks: bytes, secrets: tuple[str, ...] = SECRETS) -> list[bytes]:
    taken: list[bytes] = []
    with Redactor(secrets).redacted(lambda _, data: taken.append(data)) as sink:
        for chunk in chunks:
            sink(EventKind.STDOUT, chunk)
    return taken


@given(st.lists(st.one_of(st.sampled_from(SECRETS), st.text("abcx", max_size=6))), st.integers(1, 12))
def test_no_secret_is_left_and_chunks_make_no_difference(words: list[str], size: int) -> None:
    text = "".join(words).encode()
    chunks = [text[place : place + size] for place in range(0, len(text), size)]

    output = b"".join(output_of(*chunks))

    assert output == b"".join(output_of(text))
    assert not any(secret.encode() in output for secret in SECRETS)
    assert (MASK in output) == any(secret in "".join(words) for secret in SECRETS)


def test_output_is_passed_on_at_once_but_for_an_end_that_may_begin_a_secret() -> None:
    assert output_of(b"a line\n", b"xabc", b"x") == [b"a line\n", b"x", b"abcx"]


def test_secret_that_begins_with_another_is_redacted_as_a_whole() -> None:
    assert output_of(b"a 12345678", b"90 b", secrets=("12345678", "1234567890")) == [b"a ", MASK + b" b"]


def test_secret_that_goes_on_and_on_holds_nothing_back() -> None:
    chunks = output_of(b"a" * 20, *[b"a" * 20] * 3, b"b", secrets=("a" * 9,))
    assert chunks == [MASK, b"b"]


def test_streams_are_looked_at_each_for_itself() -> None:
    taken: list[tuple[EventKind, bytes]] = []
    with Redactor(["abcdefgh"]).redacted(lambda kind, data: taken.append((kind, data))) as sink:
        sink(EventKind.STDOUT, b"abcd")
        sink(EventKind.STDERR, b"efgh")
    assert sorted(taken) == [(EventKind.STDERR, b"efgh"), (EventKind.STDOUT, b"abcd")]


def test_short_secrets_stay() -> None:
    assert output_of(b"a seven77 b", secrets=("seven77",)) == [b"a seven77 b"]


def test_progress_is_redacted_line_by_line() -> None:
    told: list[str] = []
    Redactor(["abcdefgh"]).telling(told.append)("1/2 ready; Größe abcdefgh")
    assert told == ["1/2 ready; Größe [redacted]"]


def test_credentials_beside_the_kubeconfig_are_known_and_a_server_is_none() -> None:
    credentials = {"ARGOCD_SERVER": "argo.example:443", "ARGOCD_AUTH_TOKEN": "argo-token"}
    assert [*redaction.credentials_of(command(credentials=credentials), argocd.TOOL)] == ["argo-token"]


def command(**credentials: Any) -> Command:
    return Command(tool="kubectl", arguments=("get", "pods"), verb=("get",), **credentials)
