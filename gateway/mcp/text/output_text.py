"""Makes a page of a job's output for a model: text without terminal escapes, ending with a whole line if possible."""

from pydantic import BaseModel

from gateway.jobs.output_pages import OutputPage
from gateway.mcp.text import excerpt
from shared import terminal, utf8
from shared.models import JobId


class OutputText(BaseModel):
    """One page of one stream. The next page begins at byte `next_offset`, unless the output `is_complete`."""

    job_id: JobId
    stream: str
    text: str
    offset: int
    next_offset: int
    stored_bytes: int
    is_complete: bool
    attempt: int
    """Number of the attempt that printed this page. If it changes, the command ran again: drop the earlier pages."""


def of_page(page: OutputPage, job_id: JobId, stream: str, *, most: int) -> OutputText:
    """Makes a page of at most `most` characters of JSON. It ends with a line if it has one, else with a character."""
    offset = page.next_offset - len(page.data)
    data = page.data
    is_cut = not page.is_complete
    while True:
        data = data[: _length(data)] if is_cut else data
        text = terminal.plain(data.decode("utf-8", "replace"))
        if len(data) <= 1 or (cost := excerpt.cost(text)) <= most:
            break
        is_cut, data = True, data[: max(1, len(data) * most // cost)]
    is_whole = len(data) == len(page.data)
    return OutputText(
        job_id=job_id,
        stream=stream,
        text=text,
        offset=offset,
        next_offset=offset + len(data),
        stored_bytes=page.stored_bytes,
        is_complete=page.is_complete and is_whole,
        attempt=page.attempt,
    )


def _length(data: bytes) -> int:
    """Returns the length of a page in bytes: to the last whole line, else the last whole character, else all."""
    if line := data.rfind(b"\n") + 1:
        return line
    whole = utf8.complete_length(data[: terminal.complete_length(data)])
    return whole or len(data)
