"""How Prometheus is found, and what is said where it cannot be had."""

from pathlib import Path

import pytest

from tools import prometheus
from tools.prometheus import PrometheusMissingError


def binary(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_own_prometheus_of_the_machine_goes_first(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for folder in (tmp_path / "bin", prometheus.folder(environment)):
        binary(folder / "promtool")

    assert prometheus.find("promtool", environment) == tmp_path / "bin" / "promtool"
    assert prometheus.find("promtool", {**environment, "PATH": ""}) == prometheus.folder(environment) / "promtool"


def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path) -> None:
    environment = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path)}

    with pytest.raises(PrometheusMissingError, match="make prometheus"):
        prometheus.find("promtool", environment)
    with pytest.raises(PrometheusMissingError, match="apt-get"):
        prometheus.fetch(environment)


def test_nothing_is_fetched_where_it_is_there(tmp_path: Path) -> None:
    for name in prometheus.NAMES:
        binary(tmp_path / name)

    prometheus.fetch({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})

    assert not (tmp_path / "cache").exists()
