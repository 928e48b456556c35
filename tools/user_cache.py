"""The user's cache folder, in which fetched and built files are kept for all clones of the project."""

from collections.abc import Mapping
from pathlib import Path


def folder(environment: Mapping[str, str]) -> Path:
    """Returns the folder, which may not exist yet. A relative XDG_CACHE_HOME is ignored, as its standard requires."""
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    root = named if named.is_absolute() else Path.home() / ".cache"
    return root / "mcp-k8s"
