"""Looks at the resources of applications that argocd waits for, as Argo CD itself sees them."""

from shared.command.reading import Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, Look, ProgressLooks, Shows

MOST_APPLICATIONS = 3
VERBS = frozenset({("app", "sync"), ("app", "wait")})
OF_APPLICATION = frozenset({"app-namespace"})


def of(reading: Reading, global_flags: frozenset[str]) -> ProgressLooks | None:
    """Returns one `app get` for each application, by the command's connection; None if a selector chooses them."""
    if reading.verb not in VERBS or progress_looks.only_tries(reading) or not reading.operands:
        return None
    same = progress_looks.spelled(reading.flags, global_flags | OF_APPLICATION)
    looks = (
        Look("argocd", ("app", "get"), ("app", "get", *same, "--output=json", "--", name), Shows.APPLICATION)
        for name in reading.operands[:MOST_APPLICATIONS]
    )
    return ProgressLooks(tuple(looks), Goal.READY)
