"""What argocd waits for: the resources of applications, as Argo CD itself sees them."""

from shared.command.reading import Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, Look, ProgressLooks, Shows

MOST_APPLICATIONS = 3
VERBS = frozenset({("app", "sync"), ("app", "wait")})
OF_APPLICATION = frozenset({"app-namespace"})


def of(reading: Reading, global_flags: frozenset[str]) -> ProgressLooks | None:
    """The same connection, one `app get` an application; None where a selector picks them."""
    if reading.verb not in VERBS or progress_looks.only_tries(reading) or not reading.operands:
        return None
    same = progress_looks.spelled(reading.flags, global_flags | OF_APPLICATION)
    looks = (
        Look("argocd", ("app", "get"), ("app", "get", *same, "--output=json", "--", name), Shows.APPLICATION)
        for name in reading.operands[:MOST_APPLICATIONS]
    )
    return ProgressLooks(tuple(looks), Goal.READY)
