"""Callers that ask all the time, to see for how long nobody is answered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from shared.models import CommandResponse
from tests.soak.callers import COME_AGAIN_S, HTTP_TIMEOUT_S
from tests.support.caller import encoded
from tests.support.stub import KUBECONFIG
from tests.support.waiting import wait_until

GIVE_UP_S = 3_600.0
"""The soak gives up first."""
PACE_S = 0.05
"""Between two calls, so that the machine has time for the others."""
COMMAND = {"command": "read"}


@dataclass(frozen=True, slots=True)
class Answered:
    """One call, from its first try until it was answered. Times by the monotonic clock."""

    started_at: float
    ended_at: float

    @property
    def wait_s(self) -> float:
        return self.ended_at - self.started_at


@dataclass(slots=True)
class Probe:
    """One caller at each gateway, which sends a command that does nothing until it succeeds, and then the next."""

    gateways: Sequence[str]
    answered: list[Answered] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    """Gateway → when the call was sent for the first time that is not yet answered."""
    ended_badly: list[CommandResponse] = field(default_factory=list)
    """Answers about commands that ran, or did not, and have not succeeded."""

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for url in self.gateways:
                group.create_task(self._ask(url), name="probe")

    def longest_wait_s(self, since: float) -> float:
        """Returns the longest wait of the calls that were answered since then, or that still wait."""
        now = time.monotonic()
        answered = [call.wait_s for call in self.answered if call.ended_at >= since]
        return max([*answered, *(now - started_at for started_at in self.waiting.values())], default=0.0)

    def has_answered_since(self, since: float) -> bool:
        """Whether each gateway has answered a call that was sent since then, and its later ones."""
        return not any(started_at < since for started_at in self.waiting.values()) and (
            sum(call.started_at >= since for call in self.answered) >= 2 * len(self.gateways)
        )

    async def _ask(self, url: str) -> None:
        headers = {"X-Kubeconfig": encoded(KUBECONFIG)}
        async with httpx.AsyncClient(base_url=url, timeout=HTTP_TIMEOUT_S, trust_env=False, headers=headers) as http:
            while True:
                await self._until_answered(http, url)
                await asyncio.sleep(PACE_S)

    async def _until_answered(self, http: httpx.AsyncClient, url: str) -> None:
        self.waiting[url] = time.monotonic()
        await wait_until(lambda: self._is_answered(http), timeout_s=GIVE_UP_S, interval_s=COME_AGAIN_S)
        self.answered.append(Answered(self.waiting.pop(url), time.monotonic()))

    async def _is_answered(self, http: httpx.AsyncClient) -> bool:
        answer = await http.post("/tools/noop", json=COMMAND)
        if answer.status_code != httpx.codes.OK:
            return False
        response = CommandResponse.model_validate_json(answer.text)
        if not response.success:
            self.ended_badly.append(response)
        return response.success
