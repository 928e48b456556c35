"""The text filters that may follow a `|`, and the courtesy of refusing what cannot work in their sandbox.

What a filter can reach is decided by the kernel in the worker and not here: a spelling that gets past these checks
fails there. So no program of awk, sed, jq or yq is looked into.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.command import files
from shared.command.flags import too_many_in_a_word
from shared.command.reading import MAX_CLUSTER, TERMINATOR
from shared.errors import ErrorCode, RequestError

MAX_STAGES = 8
"""Of a pipeline, the tool's own included: each is a process."""

_COMES_BACK = "the output comes back in the response; leave it out"
_ONLY_INPUT = "a filter writes no files; leave it out, and the next stage or the response gets the output"
_NO_PROGRAM = "a filter starts no program; leave it out"
_OWN_PLACE = "temporary files have a place already; leave it out"
_NO_FOLLOWING = "the input is read to its end; leave it out, or follow with `logs -f` in the first stage"


@dataclass(frozen=True, slots=True)
class Filter:
    """A text filter. Flag names are without dashes."""

    name: str
    summary: str
    takes: Mapping[str, int] = field(default_factory=dict)
    """Flag → how many words it takes; the first may be glued to it."""
    text_flags: frozenset[str] = frozenset()
    """Those of them whose words are text and name no file."""
    program_flags: frozenset[str] = frozenset()
    """Those that bring the program or pattern that is the first operand otherwise; empty where it is none."""
    operands_are_text: bool = False
    """Whether none of its operands names a file."""
    text_after: frozenset[str] = frozenset()
    """Flags behind which all operands are text."""
    refused_flags: Mapping[str, str] = field(default_factory=dict)
    """Flag → why, and what to do instead."""
    starts_programs: bool = False
    """Whether it would start others if it could: such a one runs in a sandbox only."""
    spills: bool = False
    """Whether it puts into temporary files what does not fit into memory."""


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
"""In the order in which they are named to callers."""
NAMES = tuple(known.name for known in FILTERS)

_BY_NAME = {known.name: known for known in FILTERS}


def check(stages: Sequence[Sequence[str]]) -> None:
    """Judges the stages behind the tool's own. `RequestError` for what may not follow a `|` or could not work."""
    if len(stages) >= MAX_STAGES:
        raise RequestError(
            ErrorCode.COMMAND_PIPELINE,
            f"The pipeline has {len(stages) + 1} stages, at most {MAX_STAGES} are taken: let jq or awk do more in one.",
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
    # The word is not repeated: behind an unquoted `|` it may be half of a password.
    raise RequestError(
        ErrorCode.COMMAND_PIPELINE,
        f"Stage {number} of the pipeline begins with none of the filters that may follow `|`: {', '.join(NAMES)}. "
        "For another command send another call, with this one's output in `stdin` where it needs it; a `|` that is "
        "text belongs in single quotes.",
    )


class _Reader:
    """Reads a filter's words as getopt(3) would, as far as telling flags from names of files needs it."""

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
        """Reads flags without values, up to one that takes the rest. Behind any other character a file may be named."""
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
        """The first may be a program or a pattern: `/dev/` is one to awk and to grep."""
        if self._needs_program:
            self._needs_program = False
        elif not self._only_text_follows:
            files.check_word(word)
