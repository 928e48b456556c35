"""Renews the default kubeconfig of `up` when its token comes from a credential program and expires."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cli.errors import StartError
from cli.kubeconfig.credential_cache import CredentialCache
from cli.kubeconfig.handover import Handover

SHORTEST_INTERVAL_S = 15.0
"""Seconds between two tries at least, even if the program fails or gives tokens that live for a few seconds."""
LONGEST_INTERVAL_S = 60.0
"""Seconds between two looks at the expiry at most, because a sleep does not count the time of a suspended laptop."""


@dataclass(frozen=True, slots=True)
class KubeconfigRenewal:
    """Replaces the kubeconfig in `handover`. `load` creates it again with credentials from `cache`."""

    cache: CredentialCache
    load: Callable[[], Awaitable[str]]
    handover: Handover

    async def run(self, report: Callable[[str], None]) -> None:
        """Runs until it is cancelled. Returns at once if no credential expires. Reports failures and tries again."""
        while (wait_s := self.cache.renewal_in_s()) is not None:
            await asyncio.sleep(min(max(wait_s, SHORTEST_INTERVAL_S), LONGEST_INTERVAL_S))
            try:
                self.handover.replace(await self.load())
            except StartError as error:
                report(f"the kubeconfig keeps its old token: {error}")
