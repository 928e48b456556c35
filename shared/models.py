"""The models that callers send and read: requests, responses, jobs and their enumerations."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.changes import Change, Changes

JobId = NewType("JobId", str)
"""48 lower-case hexadecimal digits, 32 of them random (`shared.sealing.job_ids`).

For anonymous callers the id is the capability: any caller that knows it may use the job.
"""

JOB_ID_PATTERN = re.compile(r"[0-9a-f]{48}")
ANONYMOUS = "anonymous"
MAX_COMMAND_CHARACTERS = 32_768
MAX_FILES = 256

KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""A DNS label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""


class JobState(StrEnum):
    """The state of a job. Every state except the first two is final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class CommandClass(StrEnum):
    """What a command may do. The class decides its lane, the policy's answer, and whether it may be retried."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    INTERACTIVE = "interactive"
    LOCAL = "local"
    CREDENTIAL = "credential"

    @property
    def changes_nothing(self) -> bool:
        """Whether the command changes nothing anywhere, so that it may be abandoned, ended early and run again."""
        return self in (CommandClass.READ, CommandClass.LOCAL)


class FailureCode(StrEnum):
    """Why a command failed, if its exit code alone does not tell."""

    EFFECT_DENIED = "effect-denied"
    """A change that it asked for was refused by the mode, the fence or a rule."""


class Lane(StrEnum):
    """A queue with its own slots, so that short reads never wait behind long installs."""

    FAST = "fast"
    SLOW = "slow"


def _encodable(text: str) -> str:
    """Rejects lone surrogates, which JSON can express but which cannot be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not a character") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]


class CommandRequest(BaseModel):
    """A command for one of the tools, as REST and MCP clients send it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: Annotated[
        str,
        Field(
            max_length=MAX_COMMAND_CHARACTERS,
            description="Arguments of the tool, quoted as for a POSIX shell; no shell runs them. "
            "Text filters may follow, as in `| jq -r .kind | sort`.",
            examples=["get pods -n default"],
        ),
    ]
    namespace: Annotated[
        KubernetesName | None,
        Field(description="Namespace for the command, unless the command names one itself."),
    ] = None
    context: Annotated[
        str | None,
        Field(max_length=253, description="Context of the kubeconfig to use instead of its current one."),
    ] = None
    kubeconfig: Annotated[
        str | None,
        Field(description="Kubeconfig, base64 or YAML; the X-Kubeconfig header wins over it.", repr=False),
    ] = None
    stdin: Annotated[
        Text | None,
        Field(description="Standard input of the command, for example a manifest for `apply -f -`.", repr=False),
    ] = None
    files: Annotated[
        dict[str, Text] | None,
        Field(
            max_length=MAX_FILES,
            description="Files for the command: relative path to text. They exist in its working directory only.",
            repr=False,
        ),
    ] = None
    timeout: Annotated[
        float | None,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="Time limit in seconds, counted from the start of the process.",
        ),
    ] = None


class CommandResponse(BaseModel):
    """The result of a command. The first four fields are the same as in the first version."""

    model_config = ConfigDict(hide_input_in_errors=True)

    success: Annotated[bool, Field(description="True when the command ended with exit code 0.")]
    output: Annotated[str, Field(description="Standard output, cut at the output limit.")]
    error: Annotated[
        str | None,
        Field(
            description="Standard error, or why the command did not run to its end. In a pipeline, each line begins "
            "with its stage: `[jq] …`."
        ),
    ]
    exit_code: Annotated[
        int, Field(description="Exit code of the tool or of the first stage that failed; -1 if none ended by itself.")
    ]
    job_id: JobId
    state: JobState
    duration_ms: Annotated[int, Field(description="Milliseconds from the start of the process to its end.")]
    truncated: Annotated[bool, Field(description="True when output or error was cut.")] = False
    code: FailureCode | None = None
    hint: Annotated[str | None, Field(description="One next step, if there is an obvious one.")] = None
    changes: Annotated[
        Changes | None, Field(description="What the command changed in its cluster; null if it asked for no change.")
    ] = None


class JobLinks(BaseModel):
    self: str
    events: Annotated[str, Field(description="Server-Sent Events: output and states as they come.")]
    output: Annotated[str, Field(description="The stored bytes of one stream, page by page.")]
    changes: Annotated[str, Field(description="What the command changes in its cluster, page by page.")]


class ListedJob(BaseModel):
    """A submitted command and its state, without its result."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: JobId
    tool: str
    state: JobState
    command_class: Annotated[CommandClass, Field(alias="class")]
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    links: JobLinks


class JobPage(BaseModel):
    """Some of a caller's jobs, newest first."""

    jobs: list[ListedJob]
    next_cursor: Annotated[str | None, Field(description="Cursor of the next page; null on the last page.")] = None


class ChangePage(BaseModel):
    """Some of the changes that a command makes, in their order. While it runs, more may follow the last page."""

    changes: list[Change]
    next_cursor: Annotated[str | None, Field(description="Cursor of the next page; null on the last page.")] = None


class Job(ListedJob):
    """A submitted command, its state and its result."""

    progress: Annotated[
        str | None,
        Field(description="Last known progress of a command that waits: `9/12 ready; web: ImagePullBackOff`."),
    ] = None
    response: CommandResponse | None = None

    def finished(self) -> CommandResponse:
        """Returns the response. Raises ValueError if the job has not ended."""
        if self.response is None:
            raise ValueError(f"job {self.id} is {self.state} and has no response yet")
        return self.response
