"""Why the door does not answer a request as the API server would."""


class BadRequestError(Exception):
    """The door does not read such a request. The text is the end of `the request was refused: …`."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class ServerError(Exception):
    """The API server cannot be reached, or does not answer in HTTP. The text says why, as Go's programs say it."""

    def __init__(self, text: str, *, is_unanswered: bool = False) -> None:
        super().__init__(text)
        self.is_unanswered = is_unanswered
        """Whether an open connection broke before the first byte of an answer."""
