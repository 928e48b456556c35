"""Installations that live as long as the test session."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from tests.support import processes
from tests.support.control_plane import ControlPlane
from tests.support.control_plane.daemons import Installation, PortTakenError

Started = TypeVar("Started", bound=Installation)
control_planes: list[ControlPlane] = []
"""All that this session has started with `running`."""


@contextmanager
def running(installation: Started) -> Iterator[Started]:
    """Whose processes no single test has left behind. That a port was taken is told in one line."""
    try:
        with installation:
            processes.long_lived.update(installation.process_ids)
            if isinstance(installation, ControlPlane):
                control_planes.append(installation)
            yield installation
    except PortTakenError as error:
        pytest.fail(str(error), pytrace=False)
