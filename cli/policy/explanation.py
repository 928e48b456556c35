"""Explains how a gateway would judge a command: `mcp-k8s policy explain`. It runs nothing and contacts no server."""

from gateway.policy.policy import Judgement, Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.command.invocation import Invocation
from shared.effects import EffectRule, Limit, SecretValues
from shared.errors import RequestError
from shared.tools import registry

_LIMITS = {
    Limit.READ: "only those that change nothing",
    Limit.READ_ONLY: "only those that change nothing, and what a rule allows",
    Limit.STRICT: "all that `strict` allows",
    Limit.PERMISSIVE: "all",
}
_DOES = {True: "allows", False: "denies"}


def explain(text: str, policy: Policy, *, namespace: str) -> tuple[str, bool]:
    """Returns the explanation, and whether the command would run. Its requests may still be refused.

    A command without a namespace acts in `namespace`.
    """
    lines = [f"mode      {policy.mode}"]
    try:
        tool = registry.find(text.split(maxsplit=1)[0] if text.split() else "")
        invocation = parser.parse(tool, text)
    except RequestError as error:
        return "\n".join([*lines, "decision  refused in every mode", f"rule      {error.code}", error.detail]), False
    found = policy.judge(tool, invocation, kubeconfig_namespace=namespace)
    lines += _found(invocation, found)
    if refusal := policy.refusal(tool, invocation):
        return "\n".join([*lines, "decision  denied", f"rule      {refusal.code}", refusal.detail]), False
    decision = found.decision
    lines += [
        f"decision  {'allowed' if decision.is_allowed else 'denied'}",
        f"rule      {decision.rule}: {decision.why}",
    ]
    if decision.is_allowed:
        lines += _of_requests(found)
    if decision.instead:
        lines.append(f"instead   {decision.instead}")
    return "\n".join(lines), decision.is_allowed


def _found(invocation: Invocation, found: Judgement) -> list[str]:
    return [
        f"verb      {invocation.tool} {' '.join(invocation.verb)}",
        f"class     {found.classified.command_class}",
        *(f"because   {rule.name}: {rule.why}" for rule in found.classified.rules),
    ]


def _of_requests(found: Judgement) -> list[str]:
    """Says what is left to the judgement of each request."""
    effects = found.effects
    lines = [f"requests  {_LIMITS[effects.limit]}"]
    lines += [f"requests  the rule {rule.name} {_DOES[rule.is_allowed]} {_objects(rule)}" for rule in effects.rules]
    if effects.fence:
        lines.append(f"requests  only in the namespaces {', '.join(effects.fence)}")
    if effects.secrets is SecretValues.MASKED or found.masking:
        lines.append("output    values of Secrets are masked")
    return lines


def _objects(rule: EffectRule) -> str:
    kinds = ", ".join(rule.kinds) or "objects"
    return f"{kinds} in {', '.join(rule.namespaces)}" if rule.namespaces else kinds


def summary(rules: Rules) -> str:
    """Describes a file of rules, with one line for each rule."""
    fence = ", ".join(rules.namespaces) or "none"
    return "\n".join([f"fence     {fence}", *(f"{each.action:<8}  {each.name}: {each.says()}" for each in rules.rules)])


def table() -> str:
    """Lists each verb of each CLI with its class, and each rule that changes a class."""
    lines = []
    for tool in registry.tools():
        grammar = tool.grammar
        lines += [f"{tool.name} {path}: {command_class}" for path, command_class in sorted(grammar.classes.items())]
        for rule in grammar.class_rules:
            becomes = [str(change) for change in (rule.to, rule.effect) if change]
            of = f" ({', '.join(sorted(rule.verbs))})" if rule.verbs else ""
            lines.append(f"{tool.name} rule {rule.name}{of}: {', '.join(becomes)}; {rule.why}")
    return "\n".join(lines)
