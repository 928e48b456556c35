"""Where the gateway is: at the address that the user named, or, in `local_pair`, one of this machine's own."""

from typing import Protocol


class Gateway(Protocol):
    """Asked anew for each try, for a gateway of this machine's own may come back elsewhere."""

    async def url(self) -> str:
        """Its base URL, once there is reason to believe that it answers there. `StartError`."""


class NamedGateway:
    """The user's choice; whether it answers shows when it is asked something."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def url(self) -> str:
        return self._url
