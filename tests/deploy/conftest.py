"""The chart rendered once for each of the values files beside it."""

import functools

import pytest

from tests.support import own_chart
from tests.support.own_chart import Rendered

rendered_once = functools.cache(own_chart.render)


@pytest.fixture(params=own_chart.VALUES, ids=lambda path: path.stem)
def chart(request: pytest.FixtureRequest) -> Rendered:
    return rendered_once(request.param)
