"""Labels each line of standard error in a pipeline with the name of its stage: `[jq] parse error: …`.

A command without a pipeline is not labelled.
"""

from collections.abc import Callable

MAX_LINE_BYTES = 16 * 1024
"""Longest line in bytes; a longer one is split. An incomplete line is held back, so that lines never mix."""


class LabelledLines:
    """Collects the output of one stage and passes on whole lines."""

    def __init__(self, name: str, sink: Callable[[bytes], None]) -> None:
        self._label = f"[{name}] ".encode()
        self._sink = sink
        self._held = b""

    def add(self, data: bytes) -> None:
        """Adds a chunk as the stage wrote it."""
        *lines, self._held = (self._held + data).split(b"\n")
        while len(self._held) > MAX_LINE_BYTES:
            lines.append(self._held[:MAX_LINE_BYTES])
            self._held = self._held[MAX_LINE_BYTES:]
        self._pass_on(lines)

    def end(self) -> None:
        """Ends the stream: held bytes become the last line."""
        if self._held:
            self._pass_on([self._held])
            self._held = b""

    def _pass_on(self, lines: list[bytes]) -> None:
        if lines:
            self._sink(b"".join(self._label + line + b"\n" for line in lines))
