"""Judges a command before it is queued: by its class, its effects, and what its manifests hold."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.policy import manifests, modes
from gateway.policy.modes import Decision
from shared import classes, metrics
from shared.classes import Classification
from shared.errors import ErrorCode, RequestError
from shared.invocation import Invocation
from shared.settings import SecurityMode
from shared.tools.tool import Tool
from shared.unknown_words import Kind, UnknownWord


class Policy:
    """What the operator's mode says about every command."""

    def __init__(self, mode: SecurityMode) -> None:
        self.mode = mode

    def check(self, tool: Tool, invocation: Invocation, *, stdin: str | None, files: Mapping[str, str]) -> Invocation:
        """The command with the class that its manifests give it. `RequestError` where it may not run."""
        classified = self.classify(tool, invocation, stdin=stdin, files=files)
        decision = modes.decide(self.mode, classified)
        if not decision.is_allowed:
            metrics.POLICY_REFUSALS.labels(decision.rule).inc()
            raise _denied(invocation, classified, decision)
        if self.mode is SecurityMode.STRICT:
            for word in invocation.unknown:
                raise unknown(tool, word)
        return replace(invocation, command_class=classified.command_class, effects=classified.effects)

    @staticmethod
    def classify(tool: Tool, invocation: Invocation, *, stdin: str | None, files: Mapping[str, str]) -> Classification:
        """Class and effects, the kinds in its manifests included."""
        found = manifests.kinds(tool.grammar, invocation.reading, stdin=stdin, files=files)
        return classes.classify(tool.grammar, replace(invocation.reading, object_kinds=found))


def unknown(tool: Tool, word: UnknownWord) -> RequestError:
    """The refusal of a verb or flag that the CLI does not have."""
    code = ErrorCode.VERB_UNKNOWN if word.kind is Kind.VERB else ErrorCode.FLAG_UNKNOWN
    meant = f"did you mean `{word.nearest}`?" if word.nearest else "the verb with `--help` lists what there is."
    return RequestError(
        code, f"{tool.name} {tool.grammar.table.version} has no {word.kind} `{word.shown}` there: {meant}"
    )


def _denied(invocation: Invocation, classified: Classification, decision: Decision) -> RequestError:
    return RequestError(
        ErrorCode.POLICY_DENIED,
        f"`{' '.join(invocation.verb)}` is a {classified.command_class} command, and the rule {decision.rule} denies "
        f"it (K8S_MCP_SECURITY_MODE): {decision.why}. Allowed instead: {decision.instead}.",
    )
