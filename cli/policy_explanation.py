"""What a gateway would say of a command, and why: `mcp-k8s policy explain`. Nothing runs and nothing is asked."""

from gateway.policy import modes
from gateway.policy.policy import Policy, unknown
from shared import command
from shared.errors import RequestError
from shared.settings import SecurityMode
from shared.tools import registry


def explain(text: str, mode: SecurityMode) -> tuple[str, bool]:
    """The explanation, and whether the command would run. Manifests are not at hand, so they count as unseen."""
    lines = [f"mode      {mode}"]
    try:
        tool = registry.find(text.split(maxsplit=1)[0] if text.split() else "")
        invocation = command.parse(tool, text)
    except RequestError as error:
        return "\n".join([*lines, "decision  refused in every mode", f"rule      {error.code}", error.detail]), False
    classified = Policy.classify(tool, invocation, stdin=None, files={})
    decision = modes.decide(mode, classified)
    lines += [f"verb      {tool.name} {' '.join(invocation.verb)}", f"class     {classified.command_class}"]
    lines += [f"because   {rule.name}: {rule.why}" for rule in classified.rules]
    if decision.is_allowed and mode is SecurityMode.STRICT and invocation.unknown:
        refusal = unknown(tool, invocation.unknown[0])
        return "\n".join([*lines, "decision  denied", f"rule      {refusal.code}", refusal.detail]), False
    lines += [
        f"decision  {'allowed' if decision.is_allowed else 'denied'}",
        f"rule      {decision.rule}: {decision.why}",
    ]
    if decision.is_allowed and mode is not SecurityMode.PERMISSIVE and tool.grammar.masking(invocation.reading):
        lines.append("output    values of Secrets are masked")
    if decision.instead:
        lines.append(f"instead   {decision.instead}")
    return "\n".join(lines), decision.is_allowed


def table() -> str:
    """Each verb of each CLI with its class, and each rule that changes one."""
    lines = []
    for tool in registry.tools():
        grammar = tool.grammar
        lines += [f"{tool.name} {path}: {command_class}" for path, command_class in sorted(grammar.classes.items())]
        for rule in grammar.class_rules:
            becomes = [str(change) for change in (rule.to, rule.effect) if change]
            of = f" ({', '.join(sorted(rule.verbs))})" if rule.verbs else ""
            lines.append(f"{tool.name} rule {rule.name}{of}: {', '.join(becomes)}; {rule.why}")
    return "\n".join(lines)
