"""Defines the text filters that may follow a `|`, and refuses early what cannot work in their sandbox.

The kernel in the worker decides what a filter can reach, not this module: a spelling that these checks miss fails
there. So the programs of awk, sed, jq and yq are not checked.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.command import files
from shared.command.flags import too_many_in_a_word
from shared.command.reading import MAX_CLUSTER, TERMINATOR
from shared.errors import ErrorCode, RequestError

MAX_STAGES = 8
"""Most stages of a pipeline, including the tool's own. Each stage is a process."""

_COMES_BACK = "the output comes back in the response; leave it out"
_ONLY_INPUT = "a filter writes no files; leave it out, and the next stage or the response gets the output"
_NO_PROGRAM = "a filter starts no program; leave it out"
_OWN_PLACE = "the worker chooses the folder for temporary files; leave it out"
_NO_FOLLOWING = "the input is read to its end; leave it out, or follow with `logs -f` in the first stage"


@dataclass(frozen=True, slots=True)
class Filter:
    """A text filter. Flag names are without dashes."""

    name: str
    summary: str
    takes: Mapping[str, int] = field(default_factory=dict)
    """Flag → number of words that it takes. The first may be attached to the flag: `-n5`."""
    text_flags: frozenset[str] = frozenset()
    """Flags in `takes` whose words are text, not names of files."""
    program_flags: frozenset[str] = frozenset()
    """Flags that replace the first operand as program or pattern. Empty if every operand may name a file."""
    operands_are_text: bool = False
    """Whether all operands are text, not names of files."""
    text_after: frozenset[str] = frozenset()
    """Flags after which all operands are text."""
    refused_flags: Mapping[str, str] = field(default_factory=dict)
    """Flag → why it is refused, and what to do instead."""
    starts_programs: bool = False
    """Whether the filter can start other programs. Such a filter runs only in a sandbox."""
    spills: bool = False
    """Whether the filter writes data that does not fit into memory to temporary files."""


def _each_takes_one(flags: str) -> dict[str, int]:
    return dict.fromkeys(flags.split(), 1)


FILTERS = (
    Filter(
        "jq",
        "selects from JSON",
        takes=_each_takes_one("L f from-file indent") | dict.fromkeys(("arg", "argjson", "rawfile", "slurpfile"), 2),
        text_flags=frozenset({"arg", "argjson"}),
        text_after=frozenset({"args", "jsonargs"}),
    ),
    Filter(
        "yq",
        "selects from YAML",
        takes=_each_takes_one("I o p input-format output-format indent"),
        refused_flags={
            **dict.fromkeys(("i", "inplace", "s", "split-exp"), _ONLY_INPUT),
            "security-enable-system-operator": _NO_PROGRAM,
        },
        starts_programs=True,
    ),
    Filter(
        "grep",
        "keeps lines that match",
        takes=_each_takes_one("A B C D d e f m after-context before-context context file max-count regexp"),
        text_flags=frozenset({"e", "regexp"}),
        program_flags=frozenset({"e", "f", "file", "regexp"}),
    ),
    Filter(
        "sed",
        "edits lines",
        takes=_each_takes_one("e f l expression file line-length"),
        text_flags=frozenset({"e", "expression"}),
        program_flags=frozenset({"e", "f", "expression", "file"}),
        refused_flags=dict.fromkeys(("i", "in-place"), _ONLY_INPUT),
        starts_programs=True,
    ),
    Filter(
        "awk",
        "works on fields",
        takes=_each_takes_one("F f v assign field-separator file"),
        text_flags=frozenset({"F", "v", "assign", "field-separator"}),
        program_flags=frozenset({"f", "file"}),
        starts_programs=True,
    ),
    Filter(
        "sort",
        "sorts lines",
        takes=_each_takes_one("S k t batch-size buffer-size field-separator key parallel sort"),
        refused_flags={
            **dict.fromkeys(("o", "output"), _COMES_BACK),
            **dict.fromkeys(("T", "temporary-directory"), _OWN_PLACE),
            "compress-program": _NO_PROGRAM,
        },
        starts_programs=True,
        spills=True,
    ),
    Filter("uniq", "drops repeated lines"),
    Filter("head", "keeps the first lines"),
    Filter(
        "tail",
        "keeps the last lines",
        takes=_each_takes_one("c n s bytes lines"),
        refused_flags=dict.fromkeys(("F", "f", "follow", "retry"), _NO_FOLLOWING),
    ),
    Filter(
        "cut",
        "cuts columns out",
        takes=_each_takes_one("b c d f bytes characters delimiter fields output-delimiter"),
        text_flags=frozenset({"d", "delimiter", "output-delimiter"}),
    ),
    Filter("tr", "replaces characters", operands_are_text=True),
    Filter("wc", "counts lines, words and bytes"),
    Filter("column", "aligns columns"),
)
"""All filters, in the order in which messages list them."""
NAMES = tuple(known.name for known in FILTERS)

_BY_NAME = {known.name: known for known in FILTERS}


def check(stages: Sequence[Sequence[str]]) -> None:
    """Checks the stages after the tool's own. Raises `RequestError` for a stage that is not allowed or cannot work."""
    if len(stages) >= MAX_STAGES:
        raise RequestError(
            ErrorCode.COMMAND_PIPELINE,
            f"The pipeline has {len(stages) + 1} stages; at most {MAX_STAGES} are allowed: combine some in jq or awk.",
        )
    for number, words in enumerate(stages, 2):
        _Reader(_find(words[0], number), words[1:]).read()


def _find(name: str, number: int) -> Filter:
    known = _BY_NAME.get(name)
    if known is not None:
        return known
    base = name.rpartition("/")[2]
    if base in _BY_NAME:
        raise RequestError(ErrorCode.COMMAND_PIPELINE, f"A filter is named without a path: write `{base}`.")
    # The message does not repeat the word, which may be half of a password with an unquoted `|`.
    raise RequestError(
        ErrorCode.COMMAND_PIPELINE,
        f"Stage {number} of the pipeline is not one of the filters that may follow `|`: {', '.join(NAMES)}. "
        "For another command, send another call, with this command's output in `stdin` if it needs it. If the `|` is "
        "text, put it in single quotes.",
    )


class _Reader:
    """Reads a filter's words as getopt(3) does, to tell flags from names of files."""

    def __init__(self, known: Filter, words: Sequence[str]) -> None:
        self._filter = known
        self._rest = deque(words)
        self._needs_program = bool(known.program_flags)
        self._only_text_follows = known.operands_are_text

    def read(self) -> None:
        while self._rest:
            word = self._rest.popleft()
            if word == TERMINATOR:
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and len(word) > 1:
                self._cluster(word)
            else:
                self._operand(word)
        for word in self._rest:
            self._operand(word)

    def _long(self, word: str) -> None:
        name, has_value, value = word[2:].partition("=")
        self._flag(name, f"--{name}", glued=value if has_value else None)

    def _cluster(self, word: str) -> None:
        """Reads flags of one letter, up to one that takes the rest. Any other character may begin a file's name."""
        for following, letter in enumerate(word[1 : MAX_CLUSTER + 1], 2):
            if not letter.isalnum():
                files.check_word(word[following - 1 :])
                return
            takes_rest = letter in self._filter.takes
            self._flag(letter, f"-{letter}", glued=(word[following:] or None) if takes_rest else None)
            if takes_rest or following == len(word):
                return
        raise too_many_in_a_word(word)

    def _flag(self, name: str, shown: str, *, glued: str | None) -> None:
        why = self._filter.refused_flags.get(name)
        if why is not None:
            raise RequestError(ErrorCode.FLAG_REFUSED, f"`{shown}` of {self._filter.name} is refused: {why}.")
        if name in self._filter.program_flags:
            self._needs_program = False
        if name in self._filter.text_after:
            self._only_text_follows = True
        count = self._filter.takes.get(name, 0)
        values = [] if glued is None else [glued]
        while len(values) < count and self._rest:
            values.append(self._rest.popleft())
        if name not in self._filter.text_flags:
            for value in values:
                files.check_word(value)

    def _operand(self, word: str) -> None:
        """Checks an operand unless it is text. The first may be a program or pattern, such as `/dev/` for grep."""
        if self._needs_program:
            self._needs_program = False
        elif not self._only_text_follows:
            files.check_word(word)
