"""The trace spans of a job in a worker: its wait in the queue, its run and its processes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from shared import logs
from shared.models import JobState
from shared.sealing.envelope import RequestEnvelope
from shared.store.attempts import Ending
from shared.store.record import JobRecord
from shared.tracing import spans
from worker.run.execution import Execution

MICROSECOND = timedelta(microseconds=1)


@contextmanager
def running(tracer: Tracer, record: JobRecord, envelope: RequestEnvelope) -> Iterator[None]:
    """Opens the span of a claimed job while the block runs. Its parent is the span that submitted the job."""
    parent = spans.parent_in({"traceparent": envelope.traceparent, "tracestate": envelope.tracestate})
    attributes: dict[str, str | int] = {
        spans.JOB_ID: record.id,
        spans.TOOL: envelope.command.tool,
        spans.COMMAND_CLASS: envelope.command_class.value,
        spans.LANE: record.lane.value,
        spans.ATTEMPT: record.attempt,
    }
    if parent is not None and record.attempt == 1:
        _record_wait(tracer, parent, record)
    with spans.span(tracer, "run", attributes, kind=SpanKind.CONSUMER, parent=parent):
        logs.add(**spans.log_fields())
        yield


def _record_wait(tracer: Tracer, parent: Context, record: JobRecord) -> None:
    """Records the wait, measured by Redis' clock. It ends now by our clock, so that it does not overlap the run."""
    if record.started_at is None:
        return
    now_ns = time.time_ns()
    waited_ns = (record.started_at - record.created_at) // MICROSECOND * 1000
    waited = tracer.start_span(
        "queue wait", parent, attributes={spans.LANE: record.lane.value}, start_time=now_ns - waited_ns
    )
    waited.end(now_ns)


@contextmanager
def process(tracer: Tracer, tool: str) -> Iterator[Callable[[Execution], None]]:
    """Opens the span of a command's processes. Yields a function that records how they ended."""
    with spans.span(tracer, "process", {spans.TOOL: tool}) as span:

        def ended(execution: Execution) -> None:
            if (exit_code := execution.exit.exit_code) is not None:
                span.set_attribute(spans.EXIT_CODE, exit_code)
            if exit_code != 0:
                span.set_status(StatusCode.ERROR)

        yield ended


def note_ending(ending: Ending) -> None:
    """Records in the current span how the job ended."""
    span = trace.get_current_span()
    span.set_attribute(spans.JOB_STATE, ending.state.value)
    if ending.state not in (JobState.SUCCEEDED, JobState.CANCELLED):
        span.set_status(StatusCode.ERROR)
