"""Looks at the objects that helm waits for: the objects and hooks of a release, as the release lists them."""

from shared.command.reading import Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, Look, ProgressLooks, Shows

MOST_RELEASES = 3
"""Most releases of one `uninstall` that are looked at."""
_GOALS = {
    "install": Goal.READY,
    "rollback": Goal.READY,
    "test": Goal.READY,
    "uninstall": Goal.GONE,
    "upgrade": Goal.READY,
}
_NAMELESS = frozenset({"generate-name", "name-template"})
_TEMPLATE = "{{range .Release.Hooks}}---\n{{.Manifest}}\n{{end}}---\n{{.Release.Manifest}}\n"


def of(reading: Reading) -> ProgressLooks | None:
    """Returns the looks at a release, also without `--wait`, because helm always waits for hooks."""
    goal = _GOALS.get(reading.path)
    if goal is None or reading.has(*_NAMELESS) or progress_looks.only_tries(reading) or not reading.operands:
        return None
    releases = reading.operands[:MOST_RELEASES] if goal is Goal.GONE else reading.operands[:1]
    namespace = reading.text(progress_looks.NAMESPACE)
    chosen = (*progress_looks.in_namespace(namespace), f"--template={_TEMPLATE}")
    looks = (
        Look("helm", ("get", "all"), ("get", "all", *chosen, "--", release), Shows.MANIFESTS) for release in releases
    )
    return ProgressLooks(tuple(looks), goal, namespace=namespace)
