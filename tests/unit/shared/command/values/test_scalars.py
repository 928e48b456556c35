import pytest

from shared.command.values import scalars
from shared.command.values.types import DecodeError


@pytest.mark.parametrize(("text", "value"), [("1", True), ("T", True), ("True", True), ("f", False), ("FALSE", False)])
def test_boolean_is_one_of_gos_words(text: str, value: bool) -> None:
    assert scalars.boolean(text) is value


@pytest.mark.parametrize("text", ["", "yes", "tRUE", " true", "2"])
def test_other_word_is_no_boolean(text: str) -> None:
    with pytest.raises(DecodeError):
        scalars.boolean(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("-7", -7), ("+5", 5), ("1_000", 1000), ("0x_fF", 255), ("0b11", 3), ("0o17", 15), ("017", 15)),
        *(("9223372036854775807", scalars.INT_MAX), ("-9223372036854775808", scalars.INT_MIN)),
        pytest.param("0" * 5000, 0, id="many-zeros"),
    ],
)
def test_integer_is_read_in_any_base(text: str, number: int) -> None:
    assert scalars.integer(text) == number


@pytest.mark.parametrize(
    "text", ["", "-", "a", "08", "1__0", "_1", "1_", "0x", "1.0", " 1", "\u0663", "9223372036854775808", "9" * 5000]
)
def test_what_is_no_integer_of_64_bits_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        scalars.integer(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        *(("0", 0), ("-0", 0), ("1h30m", 5_400 * 10**9), ("1.5s", 1_500_000_000), ("-2ms", -2_000_000)),
        *((".5us", 500), ("3.\u00b5s", 3_000), ("1\u03bcs1ns", 1_001), ("0.3333333333333333333h", 1_200_000_000_000)),
        *(("2562047h47m16.854775807s", scalars.INT_MAX), ("-2562047h47m16.854775808s", scalars.INT_MIN)),
    ],
)
def test_duration_is_read_in_nanoseconds(text: str, ns: int) -> None:
    assert scalars.duration(text) == ns


@pytest.mark.parametrize(
    "text", ["", "+", "1", "s", ".s", "1 s", "1d", "1h-1m", "1s ", "2562048h", "9" * 5000 + "h", "1.5.5s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        scalars.duration(text)
