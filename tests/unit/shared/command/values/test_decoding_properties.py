"""Whatever a flag is given, reading it ends, and takes a number of steps that its length bounds."""

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.command.values import decoding
from shared.command.values.types import DecodeError, ValueType
from tests.support import flag_value_cases

EACH_TYPE = pytest.mark.parametrize("value_type", ValueType, ids=str)
STEPS_PER_CHARACTER = 60
STEPS_AT_LEAST = 400
CHARACTERS_PER_CHARACTER = 8
LONG = 4_000


class Counted(str):
    """A text that counts the characters that are copied out of it."""

    copied = 0

    def __getitem__(self, index: Any) -> str:
        part = super().__getitem__(index)
        self.copied += len(part)
        return part


def steps(call: Callable[[], object]) -> int:
    """Lines that are run in our own modules while it lasts."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace if "shared" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except DecodeError:
        pass
    finally:
        sys.settrace(before)
    return count


def check_is_linear(value_type: ValueType, text: str) -> None:
    counted = Counted(text)
    taken = steps(lambda: decoding.decode(value_type, counted))
    assert taken <= STEPS_AT_LEAST + STEPS_PER_CHARACTER * len(text)
    assert counted.copied <= STEPS_AT_LEAST + CHARACTERS_PER_CHARACTER * len(text)


@EACH_TYPE
@given(text=st.text(st.sampled_from('"=,.\\{}[]01ahs-\n\r :/é')))
def test_any_text_is_decoded_or_refused_in_bounded_steps(value_type: ValueType, text: str) -> None:
    check_is_linear(value_type, text)


@EACH_TYPE
@pytest.mark.parametrize(
    "piece",
    ['"', '""', ",", "a=", "a.", "a[0]", "a[0]=1,", "[0]", "{", "a={,", "\\", "0", "1h", "1_", "\n", "\r\n", "=", "0."],
)
def test_repeated_piece_takes_steps_in_proportion(value_type: ValueType, piece: str) -> None:
    for prefix in ("", '"', "a=", "a={", "a[0]"):
        check_is_linear(value_type, prefix + piece * (LONG // len(piece)))


@EACH_TYPE
def test_random_values_of_the_differential_test_take_bounded_steps(value_type: ValueType) -> None:
    source = random.Random(0)
    for case in flag_value_cases.cases(2_000, source):
        if case.type is value_type:
            for text in case.values:
                check_is_linear(value_type, text)
