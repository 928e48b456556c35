"""The locks hold pins and hashes alone: who installs from them decides from which registry."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
IMAGE_LOCKS = ["requirements-gateway.lock", "requirements-worker.lock"]


def requirements(name: str) -> dict[str, list[str]]:
    """Each pin with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {words[0]: [word for word in words if word.startswith("--")] for words in lines}


@pytest.mark.parametrize("name", [*LOCKS, *IMAGE_LOCKS])
def test_lock_names_no_registry_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|file:|(^|\s)/\w", text)


@pytest.mark.parametrize("name", [*LOCKS, *IMAGE_LOCKS])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    for pin, hashes in requirements(name).items():
        assert re.fullmatch(r"[a-z0-9._-]+==[^=*]+", pin)
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", value) for value in hashes)


def test_development_lock_holds_the_whole_runtime_lock() -> None:
    runtime, development = (requirements(name) for name in LOCKS)

    assert runtime.items() <= development.items()


@pytest.mark.parametrize("name", IMAGE_LOCKS)
def test_image_holds_a_part_of_what_is_tested(name: str) -> None:
    assert requirements(name).items() <= requirements("requirements.lock").items()
