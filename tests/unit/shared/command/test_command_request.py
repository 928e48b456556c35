"""What a request may hold before anything of it is read."""

import pytest
from pydantic import ValidationError

from shared.models import CommandRequest


@pytest.mark.parametrize("field", [{"stdin": "\ud800"}, {"files": {"a": "\udfff"}}], ids=["stdin", "files"])
def test_half_of_a_surrogate_pair_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="surrogate"):
        CommandRequest.model_validate({"command": "apply -f -", **field})


def test_whole_pair_is_a_character() -> None:
    assert CommandRequest.model_validate_json('{"command": "x", "stdin": "\\ud83d\\ude00"}').stdin == "\U0001f600"
