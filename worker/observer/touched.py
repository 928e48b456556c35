"""Remembers which objects a command has changed or read, as its door has seen it in the command's requests."""

from shared.tools.awaited import Among, Awaited, Goal
from worker.door.messages import Seen

AWAITED_RESOURCES = frozenset(
    {
        *("daemonsets", "deployments", "jobs", "persistentvolumeclaims", "pods", "replicasets"),
        *("replicationcontrollers", "services", "statefulsets"),
    }
)
"""Resources that become ready some time after they were changed. No command waits for the others it changes."""
MOST_PATHS = 100
"""Most paths that are looked at, because each one is a request."""
WRITES = frozenset({"create", "update", "patch"})
READS = frozenset({"get", "list", "watch"})
FIRST_FAILURE = 400


class Touched:
    """The paths of the objects that one command waits for, in the order in which the command came to them."""

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._paths: dict[str, None] = {}

    @property
    def paths(self) -> list[str]:
        """Paths to get, with their selectors: each shows one object or a list."""
        return list(self._paths)

    def note(self, seen: Seen) -> None:
        """Takes a request that was answered."""
        if not seen.is_resource or seen.subresource or seen.status is None or seen.status >= FIRST_FAILURE:
            return
        if self._awaited.among is Among.READ:
            self._note_read(seen)
        elif seen.verb == "delete":
            self._note_deletion(seen)
        elif seen.verb in WRITES and self._awaited.goal is not Goal.GONE and seen.resource in AWAITED_RESOURCES:
            self._add(_path_of_object(seen))

    def _note_read(self, seen: Seen) -> None:
        if seen.verb in READS:
            self._add(f"{seen.path}?{seen.selectors}" if seen.selectors else seen.path)

    def _note_deletion(self, seen: Seen) -> None:
        if self._awaited.goal is Goal.GONE:
            self._add(seen.path)
        else:
            self._paths.pop(seen.path, None)

    def _add(self, path: str) -> None:
        if len(self._paths) < MOST_PATHS:
            self._paths[path] = None


def _path_of_object(seen: Seen) -> str:
    return f"{seen.path}/{seen.name}" if seen.verb == "create" else seen.path
