"""Classifies commands: their class, their effects, and the rules that decided."""

from dataclasses import dataclass

from shared.command.reading import Arity, Reading
from shared.models import CommandClass
from shared.tools.class_rules import ClassRule
from shared.tools.tool import Grammar

HELP = ("help",)
"""Verb path of a command without a verb, for which the CLIs print their help."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The class of a command. `rules` are the rules that apply, in the grammar's order."""

    command_class: CommandClass
    rules: tuple[ClassRule, ...]


def classify(grammar: Grammar, reading: Reading) -> Classification:
    """Classifies by the verb, then by each rule that fits. An unknown verb or flag makes a harmless command a write."""
    command_class = of_verb(grammar, reading.verb)
    rules = []
    for rule in grammar.class_rules:
        if rule.fits(reading, command_class):
            rules.append(rule)
            command_class = rule.to or command_class
    if command_class.changes_nothing and any(flag.arity is Arity.UNKNOWN for flag in reading.flags):
        command_class = CommandClass.WRITE
    if command_class is CommandClass.READ and stays_local(grammar, reading):
        command_class = CommandClass.LOCAL
    return Classification(command_class, tuple(rules))


def of_verb(grammar: Grammar, verb: tuple[str, ...]) -> CommandClass:
    """Returns the class of a verb path, or of the nearest known path above it, without regard to flags."""
    words = verb or HELP
    known = (" ".join(words[:length]) for length in range(len(words), 0, -1))
    return next((grammar.classes[name] for name in known if name in grammar.classes), CommandClass.WRITE)


def stays_local(grammar: Grammar, reading: Reading) -> bool:
    """Whether a flag keeps the command from reaching a cluster."""
    return reading.is_on(*grammar.local_flags) or reading.is_off(*grammar.reaching_flags)
