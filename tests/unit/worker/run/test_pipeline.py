"""Which stage's end is the pipeline's."""

import pytest

from worker.launcher.protocol import StageExit
from worker.run import pipeline
from worker.run.pipeline import ToolEnd

OK = StageExit(0, None)
ONE, TWO = StageExit(1, None), StageExit(2, None)
CUT_OFF = StageExit(None, 13)
KILLED = StageExit(None, 9)
NOT_STARTED = StageExit(127, None, started=False, error="exec: Permission denied")
NEVER = StageExit(None, None, started=False, error="launcher: Resource temporarily unavailable")


@pytest.mark.parametrize(
    ("exits", "place"),
    [
        pytest.param([OK], 0, id="one stage"),
        pytest.param([ONE], 0, id="one stage that failed"),
        pytest.param([CUT_OFF], 0, id="one stage that was cut off by nobody"),
        pytest.param([OK, OK, OK], 2, id="success"),
        pytest.param([ONE, OK, OK], 0, id="first"),
        pytest.param([OK, ONE, OK], 1, id="middle"),
        pytest.param([OK, OK, ONE], 2, id="last"),
        pytest.param([OK, ONE, TWO], 1, id="leftmost of two"),
        pytest.param([OK, KILLED, ONE], 1, id="signal"),
        pytest.param([OK, NOT_STARTED], 1, id="never started"),
        pytest.param([NEVER, NEVER], 0, id="none started"),
        pytest.param([CUT_OFF, OK], 1, id="cut off by one that ended well"),
        pytest.param([CUT_OFF, CUT_OFF, OK], 2, id="both cut off by the last"),
        pytest.param([CUT_OFF, ONE], 1, id="cut off by one that failed"),
        pytest.param([CUT_OFF, OK, ONE], 2, id="cut off, and another failed"),
        pytest.param([ONE, CUT_OFF, OK], 0, id="failed before it"),
        pytest.param([OK, CUT_OFF], 1, id="last one cut off"),
    ],
)
def test_first_failed_stage_decides(exits: list[StageExit], place: int) -> None:
    assert pipeline.deciding(exits, ToolEnd.AS_ANY) == place


@pytest.mark.parametrize(
    ("exits", "place"),
    [
        pytest.param([CUT_OFF, OK], 0, id="cut off"),
        pytest.param([CUT_OFF, ONE], 0, id="cut off by one that failed"),
        pytest.param([OK, CUT_OFF, OK], 2, id="filter cut off"),
        pytest.param([OK, OK], 1, id="success"),
    ],
)
def test_tool_that_must_finish_has_failed_when_it_was_cut_off(exits: list[StageExit], place: int) -> None:
    assert pipeline.deciding(exits, ToolEnd.MUST_FINISH) == place


@pytest.mark.parametrize(
    ("exits", "place"),
    [
        pytest.param([KILLED, OK, OK], 2, id="ended by us"),
        pytest.param([ONE, OK], 1, id="with a code of its own"),
        pytest.param([KILLED, OK, ONE], 2, id="filter failed"),
        pytest.param([KILLED, CUT_OFF, OK], 2, id="filter cut off"),
        pytest.param([KILLED], 0, id="one stage"),
    ],
)
def test_of_a_tool_whose_end_is_excused_the_filters_are_judged(exits: list[StageExit], place: int) -> None:
    assert pipeline.deciding(exits, ToolEnd.EXCUSED) == place
