"""Asks the sentinels which server is the primary of our service, and says in one line why none of them can tell."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from enum import IntEnum

from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.utils import str_if_bytes

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis import our_connection
from shared.redis.our_connection import UNAVAILABLE

ANSWER_TIMEOUT_S = 1.0
"""Time limit of one sentinel, in seconds, to connect and to answer. The next one is asked then."""
DOWN_FLAGS = {"s_down", "o_down", "disconnected"}
"""Flags of a replica that Sentinel does not promote."""
UNKNOWN_SERVICE = "No such master with that name"
"""Sentinel's answer, in Redis 7 and Valkey 9, to a question about a service that it does not monitor."""


class SentinelError(MasterNotFoundError):
    """The primary is not known or cannot be reached. The text is one line for the operator, without secrets.

    Connections repeat it as redis-py repeats any error of connecting.
    """


@dataclass(frozen=True, slots=True)
class Primary:
    """A sentinel's answer."""

    host: str
    port: int
    epoch: int
    """Number of the failover that made this server the primary. A sentinel with a lower one has not heard of it yet."""
    replicas: int
    """Number of replicas that Sentinel knows, including those that are down."""
    replicas_up: int
    """Number of those that are not down."""
    sentinels: int = 1
    """Number of sentinels that this one knows, including itself and those that are down."""
    is_anew: bool = False
    """Whether a majority names it with an epoch below the known one, because the sentinels were set up anew."""

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port


class Sentinels(Sentinel):
    """The sentinels of one address. Connections to them stay open until `close`.

    redis-py's own class takes the first answer, even if that sentinel is cut off and still names the primary before the
    last failover, and hides that a password is wrong.
    """

    def __init__(self, address: RedisAddress) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # redis-py has no annotations for Sentinel, here and below
            [(each.host, each.port) for each in address.sentinels],
            # The library's name and version would cost two more commands for each connection.
            sentinel_kwargs={
                **address.sentinel_options,
                "lib_name": None,
                "lib_version": None,
                "socket_connect_timeout": ANSWER_TIMEOUT_S,
            },
        )
        self._address = address
        self._known_epoch = 0

    async def primary(self) -> Primary:
        """Asks one sentinel after the other until one is as new as what is known. Raises SentinelError."""
        known_epoch = self._known_epoch
        answers: list[Primary] = []
        problems: list[_UnansweredError] = []
        for client in tuple(self.sentinels):
            try:
                answer = await self._primary_of(client)
            except _UnansweredError as problem:
                problems.append(problem)
                continue
            if answer.epoch >= self._known_epoch:
                self.sentinels.remove(client)
                self.sentinels.insert(0, client)  # it is asked first from now on
                self.learn(answer)
                return answer
            answers.append(answer)
        return self._judged(answers, problems, known_epoch=known_epoch)

    async def newest(self) -> Primary:
        """Asks all sentinels at the same time and returns the newest answer. Raises SentinelError."""
        known_epoch = self._known_epoch
        found = await asyncio.gather(*map(self._primary_or_problem, self.sentinels))
        answers = [each for each in found if isinstance(each, Primary)]
        if any(each.epoch >= self._known_epoch for each in answers):
            newest = max(answers, key=_epoch)
            self.learn(newest)
            return newest
        problems = [each for each in found if isinstance(each, _UnansweredError)]
        return self._judged(answers, problems, known_epoch=known_epoch)

    async def survey(self) -> dict[Endpoint, Primary | None]:
        """Returns the answer of each sentinel by its place; None if it does not name the primary."""
        found = await asyncio.gather(*map(self._primary_or_problem, self.sentinels))
        return {
            _place(client): answer if isinstance(answer, Primary) else None
            for client, answer in zip(self.sentinels, found, strict=True)
        }

    def learn(self, primary: Primary) -> bool:
        """Takes an answer, also one that others got. Returns False for one that is older than what is known."""
        if primary.epoch < self._known_epoch and not primary.is_anew:
            return False
        self._known_epoch = primary.epoch
        return True

    async def servers(self) -> list[Endpoint]:
        """Returns the places of all servers of the service, also of those that are down. Raises SentinelError."""
        primary = await self.primary()
        try:
            async with _answer():
                replicas = await self.sentinels[0].sentinel_slaves(self._address.service)  # type: ignore[no-untyped-call]
                places = [primary.place, *((str(each["ip"]), int(each["port"])) for each in replicas)]
        except _UnansweredError as problem:
            raise self._error([problem]) from problem
        return [Endpoint(host.lower(), port) for host, port in places]

    async def close(self) -> None:
        """Closes connections that are not in use."""
        with suppress(*UNAVAILABLE):
            for client in self.sentinels:
                await client.connection_pool.disconnect(inuse_connections=False)

    def _judged(
        self, answers: "Sequence[Primary]", problems: "Sequence[_UnansweredError]", *, known_epoch: int
    ) -> Primary:
        """Believes older answers only of a majority: the sentinels were then set up anew.

        `known_epoch` is what was known when they were asked. If more is known since then, the answers are only late.
        """
        if len(answers) > len(self.sentinels) // 2 and self._known_epoch == known_epoch:
            newest = replace(max(answers, key=_epoch), is_anew=True)
            self.learn(newest)
            return newest
        raise self._error(problems) from (problems[0] if problems else None)

    def _error(self, problems: "Sequence[_UnansweredError]") -> SentinelError:
        places = ", ".join(map(redis_address.place, self._address.sentinels))
        worst = max((each.problem for each in problems), default=_Problem.OLD)
        return SentinelError(_TEXTS[worst].format(places=places, service=self._address.service))

    async def _primary_or_problem(self, client: Redis) -> "Primary | _UnansweredError":
        try:
            return await self._primary_of(client)
        except _UnansweredError as problem:
            return problem

    async def _primary_of(self, client: Redis) -> Primary:
        async with _answer(), client.pipeline(transaction=False) as pipe:
            pipe.sentinel_get_master_addr_by_name(self._address.service)  # type: ignore[no-untyped-call]
            pipe.sentinel_master(self._address.service)  # type: ignore[no-untyped-call]
            pipe.sentinel_slaves(self._address.service)  # type: ignore[no-untyped-call]
            (name, port), state, replicas = await pipe.execute()
            host = str_if_bytes(name)
            # While a failover ends, the first answer already names the new primary and the second still the old one.
            if (state["is_sdown"] or state["is_odown"]) and (host, port) == (state["ip"], int(state["port"])):
                raise _UnansweredError(_Problem.DOWN)
            return Primary(
                host,
                port,
                epoch=state["config-epoch"],
                replicas=len(replicas),
                replicas_up=sum(not DOWN_FLAGS & set(each["flags"].split(",")) for each in replicas),
                sentinels=state["num-other-sentinels"] + 1,
            )


class _Problem(IntEnum):
    """Why a sentinel names no primary. Of several, the greatest is reported."""

    OLD = 0
    AWAY = 1
    NO_SENTINEL = 2
    UNKNOWN_SERVICE = 3
    DOWN = 4
    NO_PERMISSION = 5
    PASSWORD = 6
    CERTIFICATE = 7


_TEXTS = {
    _Problem.OLD: "the only Sentinel that answers has not heard of the last failover ({places})",
    _Problem.AWAY: "no Sentinel answers at {places} (K8S_MCP_REDIS_URL names them)",
    _Problem.NO_SENTINEL: "no Sentinel answers as one at {places} (K8S_MCP_REDIS_URL must name Sentinels, not servers)",
    _Problem.UNKNOWN_SERVICE: 'no Sentinel knows the service "{service}" that K8S_MCP_REDIS_URL names',
    _Problem.DOWN: "Sentinel says that the primary is down, and has not chosen another one yet",
    _Problem.NO_PERMISSION: "Sentinel does not let the user of K8S_MCP_REDIS_SENTINEL_USERNAME ask for the primary",
    _Problem.PASSWORD: (
        "Sentinel rejects the user or password in K8S_MCP_REDIS_SENTINEL_USERNAME and K8S_MCP_REDIS_SENTINEL_PASSWORD"
    ),
    _Problem.CERTIFICATE: "the certificate of a Sentinel is not trusted (K8S_MCP_REDIS_CA_FILE names the authorities)",
}


class _UnansweredError(Exception):
    """A sentinel does not name the primary."""

    def __init__(self, problem: _Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@asynccontextmanager
async def _answer() -> AsyncIterator[None]:
    """Limits the time of a question, and turns what may go wrong into `_UnansweredError`."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            yield
    except UNAVAILABLE as error:
        our_connection.forget_quotation(error)
        raise _UnansweredError(_problem(error)) from error
    except (KeyError, TypeError, ValueError) as error:  # of redis-py, which reads what only Sentinel says
        raise _UnansweredError(_Problem.NO_SENTINEL) from error


def _problem(error: Exception) -> _Problem:
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        return _Problem.CERTIFICATE
    if isinstance(error, AuthenticationError):
        return _Problem.PASSWORD
    if isinstance(error, NoPermissionError):
        return _Problem.NO_PERMISSION
    if isinstance(error, ResponseError):
        return _Problem.UNKNOWN_SERVICE if UNKNOWN_SERVICE in str(error) else _Problem.NO_SENTINEL
    return _Problem.AWAY


def _place(client: Redis) -> Endpoint:
    options = client.connection_pool.connection_kwargs
    return Endpoint(options["host"], options["port"])


def _epoch(primary: Primary) -> int:
    return primary.epoch
