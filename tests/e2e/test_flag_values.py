"""Our decoders give what the flag libraries of the CLIs give, which a program of ours in Go asks.

5,000 values at random, and 100,000 in `make fuzz`. `-p "randomly_seed=N"` brings the values of a run back.
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings

from shared.command.values import decoding
from shared.command.values.decoding import Value
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError, ValueType
from tests.support import flag_value_cases, flag_value_model
from tests.support.flag_value_cases import Case
from tests.support.flag_value_model import ConflictError, Decode
from tools import e2e_tools

PROGRAM = "flagvalues"
VALUES = {"test": 5_000, "fuzz": 100_000}
"""By hypothesis' profile."""
TIMEOUT_S = 300
SHOWN = 3
LEAST_SHARE = 1 / 10
"""Of the cases of each type that must decode to something, and to something else than the text itself says."""
REFUSED = "refused"
VERBATIM = (ValueType.STRING, ValueType.ARRAY)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(flag_value_cases.cases(VALUES[settings.get_current_profile_name()], random.Random(random.random())))


@pytest.fixture(scope="module")
def answers(cases: Sequence[Case]) -> list[Any]:
    """What the libraries make of each case: `REFUSED`, or what the flag holds."""
    path = shutil.which(PROGRAM, path=e2e_tools.cache_folder(os.environ).bin)
    if path is None:
        pytest.skip(f"there is no {PROGRAM}: run `make e2e-tools`")
    asked = "\n".join(map(str, cases))
    done = subprocess.run([path], input=asked, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    given = [json.loads(line) for line in done.stdout.splitlines()]
    return [REFUSED if "error" in answer else answer["value"] for answer in given]


def differences(cases: Sequence[Case], answers: Sequence[Any], decode: Decode) -> list[tuple[str, Any, Any]]:
    """Each case that is read otherwise here, with our value and theirs."""
    both = [(str(case), held(case, decode), their) for case, their in zip(cases, answers, strict=True)]
    return [(case, own, their) for case, own, their in both if comparable(own) != comparable(their)]


def held(case: Case, decode: Decode) -> Any:
    try:
        return flag_value_model.held(case.type, case.values, decode)
    except (DecodeError, ConflictError):
        return REFUSED


def comparable(value: Any) -> str:
    """As JSON, in which 1 is neither true nor other than 1.0."""
    return json.dumps(json.loads(json.dumps(value), parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def test_values_are_decoded_as_the_libraries_do(cases: Sequence[Case], answers: Sequence[Any]) -> None:
    found = differences(cases, answers, decoding.decode)

    assert found[:SHOWN] == [], f"{len(found)} of {len(cases)} differ"


@pytest.mark.parametrize("value_type", ValueType, ids=str)
def test_values_of_each_type_are_taken_often_enough(
    cases: Sequence[Case], answers: Sequence[Any], value_type: ValueType
) -> None:
    of_type = [answer for case, answer in zip(cases, answers, strict=True) if case.type is value_type]

    assert len([answer for answer in of_type if answer != REFUSED]) > len(of_type) * LEAST_SHARE


def undecoded(value_type: ValueType, text: str) -> Value:
    """The text as it is, in the shape that the type has: what a reader would see that decodes nothing."""
    key, _, value = text.partition("=")
    if value_type is ValueType.LIST:
        return tuple(text.split(","))
    if value_type is ValueType.MAP:
        return {key: value}
    if value_type.startswith("set"):
        return (Assignment((key,), json.dumps(value) if value_type is ValueType.SET_JSON else value),)
    return text


@pytest.mark.parametrize("value_type", [each for each in ValueType if each not in VERBATIM], ids=str)
def test_decoder_that_decodes_nothing_is_found_out(
    cases: Sequence[Case], answers: Sequence[Any], value_type: ValueType
) -> None:
    own = [(case, answer) for case, answer in zip(cases, answers, strict=True) if case.type is value_type]

    found = differences([case for case, _ in own], [answer for _, answer in own], undecoded)

    assert len(found) > len(own) * LEAST_SHARE
