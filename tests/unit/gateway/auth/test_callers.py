"""The caller of a request is resolved in one place."""

import re
from pathlib import Path

import gateway
from gateway.auth import callers
from tests.unit.gateway import asgi


def test_caller_of_any_request_is_anonymous_for_nobody_authenticates() -> None:
    caller = callers.of(asgi.scope([(b"authorization", b"Bearer token")]))

    assert caller.is_anonymous
    assert caller == callers.of(asgi.scope())


def test_one_module_alone_names_the_principal_of_anonymous_callers() -> None:
    [root] = gateway.__path__
    naming = [path for path in Path(root).rglob("*.py") if re.search(r"\bANONYMOUS\b|\banonymous\"", path.read_text())]

    assert naming == [Path(callers.__file__)]
