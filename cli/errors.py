"""The error that ends a sub-command with one line of text."""


class StartError(Exception):
    """The sub-command could not start its work, or had to end it. The text is one line that says what to do."""
