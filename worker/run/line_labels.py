"""Says who wrote what: the standard error of a pipeline's stages, line by line with the stage's name in front.

`[jq] parse error: …`. A command without a pipeline is not labelled.
"""

from collections.abc import Callable

MAX_LINE_BYTES = 16 * 1024
"""A longer line is broken: what has no line feed yet is held back, so that no other stage writes into it."""


class LabelledLines:
    """Takes what one stage writes and passes whole lines on."""

    def __init__(self, name: str, sink: Callable[[bytes], None]) -> None:
        self._label = f"[{name}] ".encode()
        self._sink = sink
        self._held = b""

    def add(self, data: bytes) -> None:
        """A chunk as the stage wrote it."""
        *lines, self._held = (self._held + data).split(b"\n")
        while len(self._held) > MAX_LINE_BYTES:
            lines.append(self._held[:MAX_LINE_BYTES])
            self._held = self._held[MAX_LINE_BYTES:]
        self._pass_on(lines)

    def end(self) -> None:
        """Nothing more comes: what is held back is a line too."""
        if self._held:
            self._pass_on([self._held])
            self._held = b""

    def _pass_on(self, lines: list[bytes]) -> None:
        if lines:
            self._sink(b"".join(self._label + line + b"\n" for line in lines))
