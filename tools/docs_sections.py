"""Generated tables in pages that people write: each stands between two comments, and the first names its source."""

END = "<!-- The end of what `make docs` writes. -->\n"


def filled(page: str, source: str, table: str) -> str:
    """The page with the table as it should be. Raises ValueError where it has no place for it."""
    begin = f"<!-- By `make docs`, from {source}. -->\n"
    before, found, rest = page.partition(begin)
    if not found:
        raise ValueError(f"the page has no line {begin.strip()}")
    return f"{before}{begin}\n{table}\n{END}{rest.partition(END)[2]}"
