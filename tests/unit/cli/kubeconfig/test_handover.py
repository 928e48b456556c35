import os
import stat
from pathlib import Path

import pytest

from cli.kubeconfig import handover as kubeconfig_handover


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no memfd on this system")
def test_no_file_of_it_exists_on_linux(tmp_path: Path) -> None:
    with kubeconfig_handover.handed_over("text", tmp_path) as handover:
        assert not list(tmp_path.iterdir())
        assert [Path(handover.path).read_text() for _ in range(2)] == ["text", "text"]
        handover.replace("new")
        assert Path(handover.path).read_text() == "new"


def test_elsewhere_it_is_a_private_file_that_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")

    with kubeconfig_handover.handed_over("text", tmp_path) as handover:
        path = Path(handover.path)
        assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("text", 0o600)
        handover.replace("new")
        assert path.read_text() == "new"

    assert not path.exists()
