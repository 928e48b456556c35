"""Where what was fetched or built once is kept for every clone of the project."""

from collections.abc import Mapping
from pathlib import Path


def folder(environment: Mapping[str, str]) -> Path:
    """Made by nobody yet, perhaps. A relative XDG_CACHE_HOME is ignored, as its standard says."""
    named = Path(environment.get("XDG_CACHE_HOME", ""))
    root = named if named.is_absolute() else Path.home() / ".cache"
    return root / "mcp-k8s"
