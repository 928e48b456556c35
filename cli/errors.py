"""What keeps `mcp-k8s up` from starting."""


class StartError(Exception):
    """Nothing was started, or it was ended again; the text is one line that says what to do."""
