"""Which open connection takes a request, and when one is closed."""

from typing import cast

import pytest

from worker.door.http.server_connection import ServerConnection
from worker.door.messages import Access
from worker.door.visits.pool import IDLE_S, MOST_IDLE, MOST_IDLE_OF_CHANGES_S, MOST_IDLE_OF_ROUTE, Pool
from worker.door.visits.route import Route

ACCESS = Access(pass_="p", principal="me", server="https://one.example", token="t")
WITH_CERTIFICATE = ACCESS.model_copy(update={"client_certificate": "c", "client_key": "k"})


class Connection:
    """Stands for an open connection."""

    def __init__(self) -> None:
        self.is_idle = True

    def close(self) -> None:
        self.is_idle = False


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Pool:
    return Pool(clock=clock)


def kept(pool: Pool, route: Route) -> ServerConnection:
    """An idle connection of the route."""
    connection = cast(ServerConnection, Connection())
    pool.give_back(route, connection)
    return connection


async def test_connection_that_was_used_last_is_taken_first(pool: Pool) -> None:
    route = pool.enter(ACCESS)
    first, last = kept(pool, route), kept(pool, route)
    assert [pool.take_idle(route, for_change=False) for _ in range(3)] == [last, first, None]


async def test_change_takes_no_connection_that_was_idle_for_long(pool: Pool, clock: Clock) -> None:
    route = pool.enter(ACCESS)
    connection = kept(pool, route)
    clock.now = MOST_IDLE_OF_CHANGES_S + 1
    assert pool.take_idle(route, for_change=True) is None
    assert pool.take_idle(route, for_change=False) is connection


async def test_change_takes_a_connection_that_was_just_used(pool: Pool) -> None:
    route = pool.enter(ACCESS)
    connection = kept(pool, route)
    assert pool.take_idle(route, for_change=True) is connection


async def test_connection_that_the_server_has_ended_is_left_out(pool: Pool) -> None:
    route = pool.enter(ACCESS)
    kept(pool, route).close()
    assert pool.take_idle(route, for_change=False) is None


async def test_idle_connections_of_a_route_are_bounded(pool: Pool) -> None:
    route = pool.enter(ACCESS)
    connections = [kept(pool, route) for _ in range(MOST_IDLE_OF_ROUTE + 1)]
    assert [each.is_idle for each in connections] == [False, *[True] * MOST_IDLE_OF_ROUTE]


async def test_all_idle_connections_are_bounded(pool: Pool) -> None:
    servers = [ACCESS.model_copy(update={"server": f"https://{number}.example"}) for number in range(MOST_IDLE + 1)]
    connections = [kept(pool, pool.enter(access)) for access in servers]
    assert [each.is_idle for each in connections] == [False, *[True] * MOST_IDLE]


async def test_connections_outlive_their_visit(pool: Pool) -> None:
    route = pool.enter(ACCESS)
    connection = kept(pool, route)
    pool.leave(route)
    assert pool.take_idle(pool.enter(ACCESS), for_change=False) is connection


async def test_connections_with_a_client_certificate_end_with_the_last_visit(pool: Pool) -> None:
    route = pool.enter(WITH_CERTIFICATE)
    pool.enter(WITH_CERTIFICATE)
    connection = kept(pool, route)
    pool.leave(route)
    assert connection.is_idle
    pool.leave(route)
    assert not connection.is_idle


async def test_connection_given_back_after_the_last_visit_ends_with_it(pool: Pool) -> None:
    route = pool.enter(WITH_CERTIFICATE)
    pool.leave(route)
    assert not kept(pool, route).is_idle


def test_idle_time_is_a_minute() -> None:
    assert IDLE_S == 60


@pytest.mark.parametrize(
    "other",
    [
        {"principal": "other"},
        {"server": "https://two.example"},
        {"authority": "a"},
        {"tls_server_name": "n"},
        {"skips_verification": True},
        {"token": "other"},
        {"username": "u"},
        {"password": "p"},
        {"client_certificate": "c"},
        {"client_key": "k"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_each_part_of_an_access_separates_routes(pool: Pool, other: dict[str, object]) -> None:
    assert pool.enter(ACCESS) is not pool.enter(ACCESS.model_copy(update=other))


def test_pass_does_not_separate_routes(pool: Pool) -> None:
    assert pool.enter(ACCESS) is pool.enter(ACCESS.model_copy(update={"pass_": "other"}))


async def test_change_that_was_noted_late_takes_no_connection_from_before(pool: Pool, clock: Clock) -> None:
    connection = kept(pool, pool.enter(ACCESS))
    assert pool.is_good_for_change(connection, since=0)
    clock.now = MOST_IDLE_OF_CHANGES_S + 1
    assert not pool.is_good_for_change(connection, since=0)
    connection.close()
    assert not pool.is_good_for_change(connection, since=clock.now)
