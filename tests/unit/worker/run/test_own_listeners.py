"""Which ports a command gets that listens for itself."""

from pathlib import Path

import pytest

from worker.run import own_listeners


@pytest.mark.parametrize(
    ("closed", "ports"),
    [
        (set(), ((100, 110),)),
        ({6379}, ((100, 110),)),
        ({105}, ((100, 104), (106, 110))),
        ({100, 110}, ((101, 109),)),
        ({103, 104, 106}, ((100, 102), (105, 105), (107, 110))),
        (set(range(100, 111)), ()),
    ],
)
def test_ports_are_those_that_the_kernel_chooses_from_but_for_our_own(
    closed: set[int], ports: tuple[tuple[int, int], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "range"
    setting.write_text("100\t110\n")
    monkeypatch.setattr(own_listeners, "_SETTING", setting)

    assert own_listeners.ports(frozenset(closed)) == ports


@pytest.mark.parametrize("content", [None, "", "x y"], ids=["missing", "empty", "no numbers"])
def test_kernel_that_does_not_say_has_the_usual_ports(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "range"
    if content is not None:
        setting.write_text(content)
    monkeypatch.setattr(own_listeners, "_SETTING", setting)

    assert own_listeners.ports(frozenset()) == (own_listeners.DEFAULT_RANGE,)
