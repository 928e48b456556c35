"""What argocd waits for: applications, as their Argo CD server shows them.

The server answers `GET /api/v1/applications/NAME` with the Application as JSON:
https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

from urllib.parse import quote, urlencode

from shared.command.reading import Reading
from shared.tools import awaited
from shared.tools.awaited import Awaited, Goal

MOST_APPLICATIONS = 3
VERBS = frozenset({("app", "sync"), ("app", "wait")})


def of(reading: Reading) -> Awaited | None:
    """Returns what the command waits for, or None if it does not wait, or if a selector chooses the applications."""
    if reading.verb not in VERBS or awaited.only_tries(reading) or reading.has("core") or not reading.operands:
        return None
    paths = tuple(_path(name, reading.text("app-namespace")) for name in reading.operands[:MOST_APPLICATIONS])
    return Awaited(Goal.READY, own_paths=paths)


def _path(operand: str, namespace: str | None) -> str:
    """An operand may name the application's namespace: `NAMESPACE/NAME`."""
    own, _, name = operand.rpartition("/")
    chosen = own or namespace
    query = f"?{urlencode({'appNamespace': chosen})}" if chosen else ""
    return f"/api/v1/applications/{quote(name, safe='')}{query}"
