"""Which commands each security mode allows: by class, and for destructive commands by what their words say of them.

    class         read-only   strict                               permissive
    read, local   yes         yes                                  yes
    write         no          yes                                  yes
    destructive   no          what names single objects            yes
    credential    no          no                                   yes
    interactive   no          no                                   no: there is no terminal

Unknown verbs and flags are refused in `strict`. In the other modes they make a command a write. What a command's
requests may do is judged at the door, by the limit of the mode.
"""

from dataclasses import dataclass

from shared.command.classes import Classification
from shared.effects import Limit
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools.class_rules import Effect

SETTING = "K8S_MCP_SECURITY_MODE"
LIMITS = {
    SecurityMode.READ_ONLY: Limit.READ_ONLY,
    SecurityMode.STRICT: Limit.STRICT,
    SecurityMode.PERMISSIVE: Limit.PERMISSIVE,
}
_HARMLESS = frozenset(each for each in CommandClass if each.changes_nothing)
_ALLOWED = {
    SecurityMode.READ_ONLY: _HARMLESS,
    SecurityMode.STRICT: _HARMLESS | {CommandClass.WRITE, CommandClass.DESTRUCTIVE},
    SecurityMode.PERMISSIVE: frozenset(CommandClass) - {CommandClass.INTERACTIVE},
}
_INSTEAD = {
    Effect.MASS: "name the objects one by one",
    Effect.IRREVERSIBLE: "delete what uses it, and leave its data",
    Effect.EVICTION: "`cordon` the node, and delete its pods one by one",
    Effect.CLUSTER_SCOPE: "change single objects, and keep what the whole cluster depends on",
}
_INSTEAD_OF_CLASS = {
    CommandClass.CREDENTIAL: "use commands that show no credentials and make none: Secrets are read with their values "
    "masked",
    CommandClass.INTERACTIVE: "use a form that ends by itself and needs no terminal",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a command may run, by a rule of a setting. `why` and `instead` explain this to the caller."""

    is_allowed: bool
    rule: str
    why: str
    instead: str = ""
    setting: str = SETTING


def decide(mode: SecurityMode, classified: Classification, *, refuses_early: bool) -> Decision:
    """Decides whether the mode allows a command of this classification.

    Unless it `refuses_early`, what the door refuses too is left to the door.
    """
    command_class = classified.command_class
    row = f"{mode}/{command_class}"
    if command_class not in _ALLOWED[mode]:
        return Decision(False, row, _why(mode, classified), _instead(mode, command_class))
    if mode is SecurityMode.STRICT and command_class is CommandClass.DESTRUCTIVE:
        for rule in classified.rules:
            if rule.effect and (refuses_early or not rule.is_seen_at_the_door):
                return Decision(False, f"{row}/{rule.name}", rule.why, _INSTEAD[rule.effect])
    return Decision(True, row, _reason(classified))


def allowed_classes(mode: SecurityMode) -> list[CommandClass]:
    """Returns the classes that the mode allows. Some commands of these classes may still be denied."""
    return [command_class for command_class in CommandClass if command_class in _ALLOWED[mode]]


def _why(mode: SecurityMode, classified: Classification) -> str:
    if mode is SecurityMode.READ_ONLY:
        return "this server runs only commands that change nothing"
    return _reason(classified)


def _reason(classified: Classification) -> str:
    """Names the rule that gave the command its class, or else its verb."""
    deciding = [rule for rule in classified.rules if rule.to is classified.command_class]
    return deciding[-1].why if deciding else f"its verb is a {classified.command_class} one"


def _instead(mode: SecurityMode, command_class: CommandClass) -> str:
    if mode is SecurityMode.READ_ONLY:
        return "use commands of the classes read and local, and a write with `--dry-run=server`"
    return _INSTEAD_OF_CLASS[command_class]
