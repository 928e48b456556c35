"""Every error that a caller can see, in one tree split by what the caller can do.

    ProductError
    ├── RequestError        fix the request, then send it again
    └── UnavailableError    the request is fine: try again later

A command that ran and failed is not an error but an outcome with an exit code. HTTP and MCP each map the codes in one
table of their own. A detail never repeats any part of a kubeconfig or credential.
"""

from enum import StrEnum

SHOWN_CHARACTERS = 80
"""Largest number of characters of a caller's text that a message repeats."""


class ErrorCode(StrEnum):
    """Stable slugs. A slug is the last part of a problem's `type`, and the `code` of an MCP error result."""

    REQUEST_INVALID = "request-invalid"
    COMMAND_EMPTY = "command-empty"
    COMMAND_TOO_LONG = "command-too-long"
    COMMAND_CHARACTERS = "command-characters"
    COMMAND_QUOTES = "command-quotes"
    COMMAND_SHELL_SYNTAX = "command-shell-syntax"
    COMMAND_PIPELINE = "command-pipeline"
    COMMAND_REFUSED = "command-refused"
    FLAG_REFUSED = "flag-refused"
    FLAG_AMBIGUOUS = "flag-ambiguous"
    FLAG_UNKNOWN = "flag-unknown"
    VERB_UNKNOWN = "verb-unknown"
    NAMESPACE_CONFLICT = "namespace-conflict"
    CONTEXT_CONFLICT = "context-conflict"
    CONTEXT_UNKNOWN = "context-unknown"
    FILES_INVALID = "files-invalid"
    KUBECONFIG_REQUIRED = "kubeconfig-required"
    KUBECONFIG_ENCODING = "kubeconfig-encoding"
    KUBECONFIG_INVALID = "kubeconfig-invalid"
    KUBECONFIG_FIELD_REFUSED = "kubeconfig-field-refused"
    IDEMPOTENCY_KEY_INVALID = "idempotency-key-invalid"
    IDEMPOTENCY_CONFLICT = "idempotency-conflict"
    CREDENTIALS_INVALID = "credentials-invalid"
    TOOL_UNKNOWN = "tool-unknown"
    JOB_UNKNOWN = "job-unknown"
    JOB_GONE = "job-gone"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    BODY_TOO_LARGE = "body-too-large"
    BODY_TIMEOUT = "body-timeout"
    HEADERS_TOO_LARGE = "headers-too-large"
    HOST_REFUSED = "host-refused"
    ORIGIN_REFUSED = "origin-refused"
    POLICY_DENIED = "policy-denied"
    LISTING_OFF = "listing-off"
    RELEASE_BUSY = "release-busy"
    QUEUE_FULL = "queue-full"
    OUTPUT_FULL = "output-full"
    TOO_MANY_JOBS = "too-many-jobs"
    NO_WORKER = "no-worker"
    GATEWAY_BUSY = "gateway-busy"
    STORE_UNAVAILABLE = "store-unavailable"
    SHUTTING_DOWN = "shutting-down"
    INTERNAL = "internal"


def shown(text: str) -> str:
    """Returns a caller's text for a message: without control characters, and cut if it is long."""
    start = text[:SHOWN_CHARACTERS]
    printable = start if start.isprintable() else "".join(each if each.isprintable() else "?" for each in start)
    return printable if len(text) <= SHOWN_CHARACTERS else f"{printable}…"


class ProductError(Exception):
    """Base of the tree. `detail` tells the caller what is wrong and what to do."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class RequestError(ProductError):
    """The request cannot succeed as it is."""


class UnavailableError(ProductError):
    """The service cannot take the request now. `job_id` names a job that may have been accepted, if there is one."""

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        retry_after_s: int = 1,
        job_id: str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s
        self.job_id = job_id
