"""Decides whether a command may connect to a host and port, by the host as written and by each of its addresses."""

from dataclasses import dataclass
from enum import StrEnum

from shared.network import endpoints
from shared.network.destinations import Destinations
from shared.network.endpoints import Address
from worker.egress.own_services import OwnServices


class DialDecision(StrEnum):
    """The result of a command's attempt to connect, as a metric label and a log field."""

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
    """The rules. An empty `allow` allows everything that no other rule forbids; `deny` wins over `allow`."""

    allow: Destinations
    deny: Destinations
    allow_loopback: bool
    own: OwnServices

    def judge_host(self, host: str) -> DialDecision | None:
        """Returns the decision that forbids the host as written, or None if its addresses decide."""
        denial = endpoints.host_denial(host, allow_loopback=self.allow_loopback)
        if denial is not None:
            return DialDecision(denial)
        return DialDecision.DENIED if self.deny.has_name(host) else None

    async def judge_address(self, host: str, address: Address, port: int) -> DialDecision | None:
        """Returns the decision that forbids one of the host's addresses, or None if it may be dialled."""
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
