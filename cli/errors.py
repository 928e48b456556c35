"""What ends a sub-command with one line."""


class StartError(Exception):
    """Nothing was started, or it was ended again; the text is one line that says what to do."""
