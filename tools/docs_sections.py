"""Generated tables in hand-written pages. Each table is between two comments, the first of which names its source."""

END = "<!-- The end of what `make docs` writes. -->\n"


def filled(page: str, source: str, table: str) -> str:
    """Returns the page with an updated table. Raises ValueError if the page has no place for it."""
    begin = f"<!-- By `make docs`, from {source}. -->\n"
    before, found, rest = page.partition(begin)
    if not found:
        raise ValueError(f"the page has no line {begin.strip()}")
    return f"{before}{begin}\n{table}\n{END}{rest.partition(END)[2]}"
