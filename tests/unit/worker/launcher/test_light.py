"""The stand-ins of the launcher's process, beside the modules that they stand for."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from worker import launcher
from worker.launcher.light import dataclasses as light

LIGHT = Path(light.__file__).parent
ROOT = Path(launcher.__file__).parents[2]
HEAVY = {"ast", "inspect", "json", "re", "tokenize"}


@light.dataclass(frozen=True, slots=True)
class Light:
    """One of the stand-in."""

    first: int
    second: str = "two"

    def both(self) -> str:
        return f"{self.first} {self.second}"


@dataclasses.dataclass(frozen=True, slots=True)
class Real:
    """The same of the real module."""

    first: int
    second: str = "two"

    def both(self) -> str:
        return f"{self.first} {self.second}"


@pytest.mark.parametrize("cls", [Light, Real])
def test_fields_are_given_by_position_or_name_and_have_defaults(cls: type[Real]) -> None:
    assert [each.both() for each in (cls(1), cls(first=1), cls(1, "x"), cls(second="x", first=1))] == [
        *("1 two", "1 two"),
        *("1 x", "1 x"),
    ]
    assert not hasattr(cls(1), "__dict__")
    with pytest.raises((TypeError, KeyError)):
        cls(second="x")  # type: ignore[call-arg] # on purpose


def test_replace_makes_a_copy() -> None:
    value = Real(1)

    changed = light.replace(value, second="x")

    assert (value, changed) == (Real(1), Real(1, "x"))


def test_launcher_loads_no_large_module() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; import worker.launcher.__main__; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(LIGHT), str(ROOT)], check=True, capture_output=True, text=True
    ).stdout.split()

    assert HEAVY.isdisjoint(loaded)
