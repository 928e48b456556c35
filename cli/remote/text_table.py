"""Formats rows as a table for people."""

from collections.abc import Sequence

GAP = "   "


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table with aligned columns, or an empty string if there are no rows."""
    lines = [headings, *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(GAP.join(map(str.ljust, line, widths)).rstrip() for line in lines)
