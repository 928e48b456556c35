"""Where the gateway is: at the URL that the user named, or on this machine (`local_pair`)."""

from typing import Protocol


class Gateway(Protocol):
    """Gives the URL for each try, because a gateway on this machine may restart on another port."""

    async def url(self) -> str:
        """Returns the base URL when a gateway probably answers there. Raises `StartError`."""


class NamedGateway:
    """The gateway that the user named. It is not checked before the first request."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def url(self) -> str:
        return self._url
