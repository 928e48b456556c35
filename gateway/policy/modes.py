"""Which commands each security mode allows: by class, and for destructive commands by their effects too.

    class         read-only   strict                               permissive
    read, local   yes         yes                                  yes
    write         no          yes                                  yes
    destructive   no          named objects inside a namespace     yes
    credential    no          no                                   yes
    interactive   no          no                                   no: there is no terminal

Unknown verbs and flags are refused in `strict`. In the other modes they make a command a write.
"""

from dataclasses import dataclass

from shared.command.classes import Classification
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools.class_rules import Effect

_HARMLESS = frozenset(each for each in CommandClass if each.changes_nothing)
_ALLOWED = {
    SecurityMode.READ_ONLY: _HARMLESS,
    SecurityMode.STRICT: _HARMLESS | {CommandClass.WRITE, CommandClass.DESTRUCTIVE},
    SecurityMode.PERMISSIVE: frozenset(CommandClass) - {CommandClass.INTERACTIVE},
}
_INSTEAD = {
    Effect.MASS: "name the objects one by one",
    Effect.IRREVERSIBLE: "delete what uses it, and leave its data",
    Effect.CLUSTER_SCOPE: "delete named objects of a known kind inside a namespace",
}
_INSTEAD_OF_CLASS = {
    CommandClass.CREDENTIAL: "read Secrets as a table, with `describe`, or whole with `get -o json|yaml`, masked",
    CommandClass.INTERACTIVE: "use a form that ends by itself and needs no terminal",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a command may run, by a rule of a setting. `why` and `instead` explain this to the caller."""

    is_allowed: bool
    rule: str
    why: str
    instead: str = ""
    setting: str = "K8S_MCP_SECURITY_MODE"


def decide(mode: SecurityMode, classified: Classification) -> Decision:
    """Decides whether the mode allows a command of this classification."""
    command_class = classified.command_class
    row = f"{mode}/{command_class}"
    if command_class not in _ALLOWED[mode]:
        return Decision(False, row, _why(mode, classified), _instead(mode, command_class))
    if mode is SecurityMode.STRICT and command_class is CommandClass.DESTRUCTIVE:
        for rule in classified.rules:
            if rule.effect:
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
