"""Measures `kubectl get pods` against the bare CLI, with an API server on loopback and with one that is far away.

Far away, each flight of packets takes a while: `bench/delay_relay.py`. The second command of a caller is compared with
a CLI whose cache of discovery is warm, the first one with a CLI that has none.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

from bench import clients, delay_relay
from bench.clients import Call, Rest
from bench.cluster import Cluster
from bench.latency import program, ratio_row
from bench.table import Row
from bench.timing import Timing, in_turn

FLIGHT_S = 0.020
RUNS = 40
BUDGET_FAR = 0.80
BUDGET_NEAR = 1.00
COMMAND = "get pods"


@dataclass(frozen=True, slots=True)
class Callers:
    """Ways to the same API server, which listens on `server_port` as far as they know."""

    cluster: Cluster
    server_port: int
    gateway_port: int
    directory: Path

    def timings(self) -> dict[str, Timing]:
        """All four in turn: the bare CLI with a warm cache and without one, a known caller and a new one."""
        return in_turn(
            {"warm": self._bare(), "second": self.known(), "cold": self._bare_cold(), "first": self._new()},
            runs=RUNS,
        )

    def known(self) -> Call:
        """Commands of one new caller, of which the first is the first that anybody hears of this caller."""
        return Rest(self.gateway_port).tool("kubectl", COMMAND, self._kubeconfig())

    def _new(self) -> Call:
        rest = Rest(self.gateway_port)
        calls = iter([rest.tool("kubectl", COMMAND, self._kubeconfig()) for _ in range(2 * RUNS)])

        def call() -> None:
            next(calls)()

        return call

    def _bare(self) -> Call:
        return clients.bare([program("kubectl"), *COMMAND.split()], self._environment("warm"))

    def _bare_cold(self) -> Call:
        homes = map(str, itertools.count())
        environment = self._environment("cold")

        def call() -> None:
            home = str(Path(environment["HOME"]) / next(homes))
            clients.bare([program("kubectl"), *COMMAND.split()], {**environment, "HOME": home})()

        return call

    def _environment(self, name: str) -> dict[str, str]:
        home = self.directory / f"{name}-{self.server_port}"
        home.mkdir()
        (home / "kubeconfig").write_text(self._kubeconfig())
        return {"HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")}

    def _kubeconfig(self) -> str:
        return self.cluster.kubeconfig(self.cluster.new_token(), port=self.server_port)


def rows(cluster: Cluster, gateway_port: int, directory: Path) -> list[Row]:
    """Returns the rows for a far server, for a near one, and for what a second command asks."""
    with delay_relay.relay(cluster.port, flight_s=FLIGHT_S) as far:
        slow = Callers(cluster, far.port, gateway_port, directory).timings()
    near = Callers(cluster, cluster.port, gateway_port, directory).timings()
    get, far_away = f"`kubectl get pods`, {cluster.name}", f"{FLIGHT_S * 1000:.0f} ms away"
    return [
        _second_row(f"{get} {far_away}, second of its caller, p50", slow, budget=BUDGET_FAR),
        _first_row("the same, first of its caller and a CLI without a cache, p50", slow, budget=BUDGET_FAR),
        _second_row(f"{get} on loopback, second of its caller, p50", near, budget=BUDGET_NEAR),
        _first_row("the same, first of its caller and a CLI without a cache, p50", near, budget=BUDGET_NEAR),
        _second_get(cluster, gateway_port, directory),
    ]


def _second_row(what: str, timings: dict[str, Timing], *, budget: float) -> Row:
    return ratio_row(what, timings["second"].p50, timings["warm"].p50, budget=budget)


def _first_row(what: str, timings: dict[str, Timing], *, budget: float) -> Row:
    return ratio_row(what, timings["first"].p50, timings["cold"].p50, budget=budget)


def _second_get(cluster: Cluster, gateway_port: int, directory: Path) -> Row:
    """Connections that the second command of a caller opens. `bench/discovery.py` counts its requests."""
    with delay_relay.relay(cluster.port, flight_s=0) as between:
        get = Callers(cluster, between.port, gateway_port, directory).known()
        get()
        before = between.connections
        get()
        opened = between.connections - before
    return Row("second `kubectl get pods` of a caller: new connections to the API server", "0", str(opened), not opened)
