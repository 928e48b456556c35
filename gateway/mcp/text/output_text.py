"""A page of a job's output for a model: text without what drives a terminal, cut where a reader would cut it."""

from pydantic import BaseModel

from gateway.jobs.output_pages import OutputPage
from gateway.mcp.text import excerpt
from shared import terminal, utf8
from shared.models import JobId


class OutputText(BaseModel):
    """One page of one stream. `next_offset` begins the next one, unless the output `is_complete`."""

    job_id: JobId
    stream: str
    text: str
    offset: int
    next_offset: int
    stored_bytes: int
    is_complete: bool
    attempt: int
    """Of a command that ran again after its worker was lost, the pages before are void."""


def of_page(page: OutputPage, job_id: JobId, stream: str, *, most: int) -> OutputText:
    """At most `most` characters of JSON string; ends with a line where one ends, else with a whole character."""
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
    """Where a page may end. It always goes on: what has no good place to end ends where it ends."""
    if line := data.rfind(b"\n") + 1:
        return line
    whole = utf8.complete_length(data[: terminal.complete_length(data)])
    return whole or len(data)
