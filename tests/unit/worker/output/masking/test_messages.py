"""Error messages that quote Secrets, masked line by line as a tool prints them."""

import json

from worker.output.masking.messages import MAX_LINE_BYTES, TOO_LONG, MaskedLines

OBJECT = json.dumps({"data": {"a": "aHVudGVyMg=="}, "kind": "Secret", "x": 'a "quoted\\" hunter2\n'})
REASON = ": illegal base64 data at input byte 0"


def quoted(text: str) -> str:
    return json.dumps(text)


def assert_hidden(text: str) -> None:
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_lines_are_masked_as_they_come() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    text = f"first\npatch: Invalid value: {quoted(OBJECT)}{REASON}\n".encode()
    for place in range(len(text)):
        lines.add(text[place : place + 1])
        assert (b"first\n" in printed) == (place >= len("first"))
    lines.add(b"last \xff")
    lines.end()
    assert b"".join(printed).endswith(f'"{REASON}\nlast '.encode() + b"\xff")
    assert_hidden(b"".join(printed).decode(errors="replace"))


def test_message_that_is_cut_off_before_it_says_its_kind_is_masked() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    lines.add(b'patch: Invalid value: "{\\"data\\":{\\"a\\":\\"aHVudGVyMg')
    lines.end()
    assert_hidden(b"".join(printed).decode())


def test_line_that_is_too_long_is_not_shown() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    for _ in range(2 * MAX_LINE_BYTES // 65_536 + 1):
        lines.add(b"hunter2 " * 8192)
    lines.add(b"hunter2\nnext\n")
    lines.end()
    assert b"".join(printed) == TOO_LONG + b"\nnext\n"
