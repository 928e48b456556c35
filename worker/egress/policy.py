"""Whether a command may connect to a host and port: by what was asked for, and by each address that this leads to."""

from dataclasses import dataclass
from enum import StrEnum

from shared.network import endpoints
from shared.network.destinations import Destinations
from shared.network.endpoints import Address
from worker.egress.own_services import OwnServices


class DialDecision(StrEnum):
    """What became of a connection that a command asked for: label of a metric, field of a log line."""

    ALLOWED = "allowed"
    FORBIDDEN = endpoints.Denial.FORBIDDEN
    LOOPBACK = endpoints.Denial.LOOPBACK
    SPELLING = endpoints.Denial.SPELLING
    OWN_SERVICE = "own-service"
    DENIED = "denied-by-operator"
    NOT_ALLOWED = "not-allowed-by-operator"
    TOO_MANY = "too-many-connections"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """An empty `allow` allows everything that nothing else forbids; `deny` goes before `allow`."""

    allow: Destinations
    deny: Destinations
    allow_loopback: bool
    own: OwnServices

    def judge_host(self, host: str) -> DialDecision | None:
        """What forbids the host as it is written; None if its addresses decide."""
        denial = endpoints.host_denial(host, allow_loopback=self.allow_loopback)
        if denial is not None:
            return DialDecision(denial)
        return DialDecision.DENIED if self.deny.has_name(host) else None

    async def judge_address(self, host: str, address: Address, port: int) -> DialDecision | None:
        """What forbids one of the host's addresses; None if it may be dialled."""
        denial = endpoints.address_denial(address, allow_loopback=self.allow_loopback)
        if denial is not None:
            return DialDecision(denial)
        if await self.own.have(address, port):
            return DialDecision.OWN_SERVICE
        if self.deny.has_address(address):
            return DialDecision.DENIED
        if self.allow and not (self.allow.has_name(host) or self.allow.has_address(address)):
            return DialDecision.NOT_ALLOWED
        return None
