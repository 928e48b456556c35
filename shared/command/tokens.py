"""Splits a command into stages and words as a POSIX shell does, and refuses all other shell syntax.

Nothing is expanded, substituted or run: each word is exactly what its program gets. The rules are those of the Shell
Command Language, sections 2.2, 2.3 and 2.9.2 (POSIX.1-2024); `{}[]*?~!=@,` are plain characters.
"""

import re

from shared.errors import ErrorCode, RequestError
from shared.models import MAX_COMMAND_CHARACTERS

CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters except tab and newline, and surrogates, which an argument of a process cannot contain."""
EXPANSION = re.compile(r"\$[A-Za-z0-9_({@*#?$!-]")
"""Text that a shell would expand between double quotes. Any other `$` is a plain character there."""
BLANKS = " \t"
DOUBLE_QUOTE_ESCAPES = '$`"\\'

_ONE_CALL = "send one call for each command"
_LITERAL = "nothing is expanded or substituted: put literal text in single quotes"
_SHELL_SYNTAX = {
    "||": _ONE_CALL,
    "|&": "standard error comes back in the response, beside the output: write `|`",
    ";": _ONE_CALL,
    "&": _ONE_CALL,
    "\n": f"it does not separate commands: {_ONE_CALL}, or end the line with a backslash",
    ">": "the output comes back in the response: leave the redirection out",
    "<": "input goes into the field `stdin` (with `-f -`), files into the field `files`",
    "`": _LITERAL,
    "$": _LITERAL,
    "(": "put parentheses in single quotes, as in -l 'app in (a,b)'",
    ")": "put parentheses in single quotes, as in -l 'app in (a,b)'",
    "#": "comments are not accepted: leave it out, or put the word in single quotes",
}


def split(text: str) -> list[list[str]]:
    """Returns the words of each stage of a command: the tool's own stage, then the stages after each `|`.

    Raises `RequestError` for shell syntax, a stage without words, unbalanced quotes and control characters.
    """
    if len(text) > MAX_COMMAND_CHARACTERS:
        raise RequestError(
            ErrorCode.COMMAND_TOO_LONG,
            f"The command has {len(text)} characters; at most {MAX_COMMAND_CHARACTERS} are allowed: "
            "send manifests in `stdin` or `files`.",
        )
    if match := CONTROL_CHARACTERS.search(text):
        raise RequestError(
            ErrorCode.COMMAND_CHARACTERS,
            f"The command contains the control character U+{ord(match[0]):04X} (character {match.start() + 1}); "
            "only tab and line feed are accepted.",
        )
    stages = _Splitter(text).stages()
    if stages == [[]]:
        raise RequestError(ErrorCode.COMMAND_EMPTY, "The command is empty: name a verb, for example `get pods`.")
    return stages


class _Splitter:
    """Splits a text in one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._blank_from = len(text.rstrip(BLANKS + "\n"))
        self._stages: list[list[str]] = [[]]
        self._word: list[str] | None = None
        """The parts of the current word; None between words. An empty pair of quotes is a word."""

    def stages(self) -> list[list[str]]:
        while self._at < len(self._text):
            self._at += 1
            self._take(self._text[self._at - 1])
        self._end_word()
        if len(self._stages) > 1:
            self._require_words()
        return self._stages

    def _take(self, character: str) -> None:
        if character in BLANKS:
            self._end_word()
        elif character == "'":
            self._add(self._single_quoted())
        elif character == '"':
            self._add(self._double_quoted())
        elif character == "\\":
            self._escaped()
        elif character == "|":
            self._end_stage()
        elif character in _SHELL_SYNTAX:
            self._shell_character(character)
        else:
            self._add(character)

    def _shell_character(self, character: str) -> None:
        if character == "#" and self._word is not None:
            self._add(character)
        elif character == "\n" and self._is_blank_line():
            self._end_word()
        else:
            raise self._shell_syntax(character)

    def _is_blank_line(self) -> bool:
        """Whether a line break stands at the end, or before the words of a stage: a line may end with `|`."""
        before = not self._stages[-1] and self._word is None
        return before or self._at > self._blank_from

    def _escaped(self) -> None:
        if self._at == len(self._text):
            raise _unbalanced("The command ends with a backslash", self._at)
        character = self._text[self._at]
        self._at += 1
        if character != "\n":
            self._add(character)

    def _single_quoted(self) -> str:
        start = self._at
        end = self._text.find("'", start)
        if end < 0:
            raise _unbalanced("A single quote is not closed", start)
        self._at = end + 1
        return self._text[start:end]

    def _double_quoted(self) -> str:
        start = self._at
        kept: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if character == '"':
                return "".join(kept)
            if character == "\\":
                kept.append(self._escaped_between_double_quotes())
            elif character == "`" or (character == "$" and EXPANSION.match(self._text, self._at - 1)):
                raise self._shell_syntax(character)
            else:
                kept.append(character)
        raise _unbalanced("A double quote is not closed", start)

    def _escaped_between_double_quotes(self) -> str:
        """Keeps the backslash unless the next character is special there."""
        following = self._text[self._at : self._at + 1]
        if following == "\n":
            self._at += 1
            return ""
        if following and following in DOUBLE_QUOTE_ESCAPES:
            self._at += 1
            return following
        return "\\"

    def _add(self, text: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is not None:
            self._stages[-1].append("".join(self._word))
            self._word = None

    def _end_stage(self) -> None:
        operator = self._text[self._at - 1 : self._at + 1]
        if operator in _SHELL_SYNTAX:
            raise self._shell_syntax(operator)
        self._end_word()
        self._require_words()
        self._stages.append([])

    def _require_words(self) -> None:
        if not self._stages[-1]:
            raise RequestError(
                ErrorCode.COMMAND_PIPELINE,
                f"Stage {len(self._stages)} of the pipeline is empty: write a command before the first `|` and a text "
                "filter after each, as in `get pods | head -5`.",
            )

    def _shell_syntax(self, symbol: str) -> RequestError:
        shown = "A line break" if symbol == "\n" else f"`{symbol}`"
        return RequestError(
            ErrorCode.COMMAND_SHELL_SYNTAX,
            f"{shown} (character {self._at}) has no effect here, because no shell runs the command; "
            f"{_SHELL_SYNTAX[symbol]}.",
        )


def _unbalanced(what: str, position: int) -> RequestError:
    return RequestError(
        ErrorCode.COMMAND_QUOTES,
        f"{what} (character {position}): close it, or put a literal quote in quotes of the other kind.",
    )
