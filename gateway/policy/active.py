"""The current policy: read when the gateway starts, and again on SIGHUP."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from gateway.policy import rule_file
from gateway.policy.policy import Policy
from shared.settings import GatewaySettings, SettingsError

log = structlog.get_logger()


def load(settings: GatewaySettings) -> Policy:
    """Reads the policy. Raises `SettingsError` if its file is not valid."""
    if settings.security_config is None:
        return Policy(settings.security_mode, refuses_early=settings.refuse_early)
    found = rule_file.load(settings.security_config)
    return Policy(settings.security_mode, found.rules, found.digest, refuses_early=settings.refuse_early)


class ActivePolicy:
    """Holds the current policy. If the file is not valid when it is read again, the policy stays unchanged."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._policy = load(settings)
        self._asked = asyncio.Event()
        _log("policy loaded", self._policy)

    def policy(self) -> Policy:
        return self._policy

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Reloads the policy on SIGHUP while the block runs. Without a file, SIGHUP ends the process as usual.

        Signals reach only the main thread. An app in another thread does not reload its file.
        """
        if self._settings.security_config is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def run(self) -> None:
        """Reads the file again after each SIGHUP."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> None:
        """Reads the file again. Logs the new policy, or why the old one is kept."""
        try:
            self._policy = await asyncio.to_thread(load, self._settings)
        except SettingsError as error:
            log.error("policy kept", reason=str(error), digest=self._policy.digest)
            return
        _log("policy reloaded", self._policy)


def _log(event: str, policy: Policy) -> None:
    rules = policy.rules
    if rules.trust_charts:
        log.warning("trust_charts has no effect", reason="each request of a chart is judged like any other")
    log.info(
        event, mode=policy.mode, rules=len(rules.rules), fenced_namespaces=len(rules.namespaces), digest=policy.digest
    )
