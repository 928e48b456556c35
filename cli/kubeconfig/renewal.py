"""Renews the kubeconfig that `up` lends, when its token comes from a cloud's program and ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cli.errors import StartError
from cli.kubeconfig.credential_cache import CredentialCache
from cli.kubeconfig.handover import Handover

SHORTEST_INTERVAL_S = 15.0
"""Between two tries where the cloud gives nothing, or tokens of a few seconds."""

LONGEST_INTERVAL_S = 60.0
"""The clock that sleeps are measured by stands still while a laptop does; a token's end does not."""


@dataclass(frozen=True, slots=True)
class KubeconfigRenewal:
    """`load` gives the whole kubeconfig anew, and takes its credentials from the cache."""

    cache: CredentialCache
    load: Callable[[], Awaitable[str]]
    handover: Handover

    async def run(self, report: Callable[[str], None]) -> None:
        """Until it is cancelled, or at once where nothing ends. Failures are reported, and tried again."""
        while (wait_s := self.cache.renewal_in_s()) is not None:
            await asyncio.sleep(min(max(wait_s, SHORTEST_INTERVAL_S), LONGEST_INTERVAL_S))
            try:
                self.handover.replace(await self.load())
            except StartError as error:
                report(f"the kubeconfig keeps its old token: {error}")
