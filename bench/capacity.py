"""Measures what a request, a dig and a page cost, and predicts from it what 1, 2 and 4 processes can do.

    python bench/capacity.py [--only costs,one,two,four,tables] [--mongodb URI]

Starts servers of its own: embedded stores, their files in memory. First it measures what each thing costs
(`parts/unit_costs.py`). From these costs alone a simulation (`parts/queueing.py`) predicts how fast 1, 2 and
4 processes will be. It prints the predictions, then measures the same quantities. Servers, stores and clients
share the cores, in the simulation too. Each quantity is measured in three to five rounds. Only three of these
rounds count: those in which other programs used the least CPU. What these programs used is printed. Exits
with 1 if a quantity with a bar is more than 25 % off. Quantities that depend mostly on the embedded store
have no bar. At the end it prints the tables of docs/scaling.md. A whole run takes about five minutes.
With --mongodb it first measures how many commands a second that MongoDB carries, in a database that it drops
afterwards, and the tables use that.
"""

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from parts import scale, table, unit_costs
from parts.askers import Asked, Askers
from parts.lines import get, post
from parts.links import Scene, taps
from parts.live import open_pages, page
from parts.loads import Load
from parts.own_mongodb import commands_a_second
from parts.queueing import Hall, saturated, shared_link, wave
from parts.serving import TICKS_A_SECOND, Server, cpu_seconds, processes_of, running
from parts.table import Row
from parts.tappers import Tapped
from parts.unit_costs import COOLING, OK, Units
from parts.watchers import Crowd

CORES = os.cpu_count() or 1
OFF = 0.25
CONNECTIONS = 48
ASK_SECONDS = 1.5
WATCHERS = 1500
DIGS = 8
PEOPLE = 150
# A person's first request for details goes to the store three times: it reads who the person is and what the
# link's token stands for, and writes the visit.
STEPS = 3
QUIET_CORES = 0.1
LEAST_ROUNDS = 3
MOST_ROUNDS = 5
SIMULATED_SECONDS = 2.0
# The stores keep their files here: a disk would have a queue of its own, which the simulation does not have.
MEMORY = Path("/dev/shm")  # noqa: S108


@dataclass(slots=True, frozen=True)
class Held:
    """A quantity: its predicted value, and how to measure it once."""

    what: str
    unit: str
    predicted: float
    measure: Callable[[int], float]
    bar: float | None = OFF


@dataclass
class Capacity:
    """Shared by the sections: the scene, and the costs, which are measured once."""

    scene: Scene
    limits: scale.Limits
    tapped: int = unit_costs.PEOPLE_WHO_TAP + 100

    @cached_property
    def units(self) -> Units:
        began = time.perf_counter()
        self.scene.prepare(tasks=6)
        print(f"people and treasures made in {time.perf_counter() - began:.0f} s", flush=True)
        return unit_costs.measure(self.scene)

    def costs(self) -> Iterator[Row]:
        """Print what each thing costs."""
        show_costs(self.units)
        yield Row(
            "Redis: a message / one more process that gets it",
            self.units.published_us,
            "µs",
            note=f"{self.units.received_us:.2f} µs",
        )
        yield Row("a dig that a process hears of from Redis", self.units.news_us, "µs")
        yield Row("  its message", self.units.news_bytes, "bytes")
        yield Row("memory of a process", self.units.base_kb / 1024, "MB")
        yield Row("  a socket", self.units.socket_kb, "KB")

    def held(self, processes: int) -> Iterator[Row]:
        """Predict, then measure."""
        hall = partial(Hall, processes, self._cores(processes))
        found = self._predicted(hall)
        print(f"predicted for {processes} process{'es' * (processes > 1)}:", flush=True)
        for each in found:
            print(f"  {each[0]:<54}{each[2]:>9.4g} {each[1]}", flush=True)
        with running(processes, self.scene.directory) as server, closing(Crowd(Askers)) as crowd:
            for what, unit, predicted, measure in found:
                # Taps depend mostly on the embedded store, whose speed varies too much for a bar.
                bar = None if measure == self._taps else OFF
                held = Held(what, unit, predicted, partial(measure, server, crowd), bar)
                yield measured(held, server, crowd)

    def _cores(self, processes: int) -> float:
        """Return how many cores idle processes and stores leave to the load."""
        idle = self.units.idle
        return CORES - (processes * idle.worker + idle.mongodb + idle.redis) / scale.CPU

    def _predicted(self, hall: Callable[[], Hall]) -> list[tuple[str, str, float, Callable[..., float]]]:
        of = self.units.of
        refused, _ = saturated(hall(), scale.cost(of["refusal"]), CONNECTIONS, SIMULATED_SECONDS)
        listed, _ = saturated(hall(), scale.cost(of["square"]), CONNECTIONS, SIMULATED_SECONDS)
        shown, _ = saturated(hall(), scale.cost(of["details"]), CONNECTIONS, SIMULATED_SECONDS)
        told = wave(hall(), scale.dig_cost(self.units), WATCHERS, DIGS)
        first = scale.first_details_cost(self.units, STEPS)
        live = shared_link(hall(), first, scale.cost(of["handshake"]), PEOPLE)
        return [
            (f"refusals a second, {CONNECTIONS} connections", "", refused, self._refusals),
            (f"pages of the square a second, {CONNECTIONS} connections", "", listed, self._square),
            (f"details a second, {CONNECTIONS} connections", "", shown, self._details),
            (f"a dig to the last of {WATCHERS} watchers", "ms", 1000 * _last(told), self._wave),
            (
                f"{PEOPLE} tap a link: half are live",
                "ms",
                1000 * statistics.median(live),
                self._taps,
            ),
        ]

    def _refusals(self, server: Server, crowd: Crowd, number: int) -> float:
        if not number:
            self.cooling = server.publish(self.scene.tasks[0].sharer, 3600)
            server.dig(self.scene.diggers[0], self.cooling)
        asked = [
            post("/postTask", {"unionid": who.unionid, "code": self.cooling}, who.token)
            for who in self.scene.people[-CONNECTIONS:]
        ]
        return ask(server, crowd, asked, COOLING)

    def _square(self, server: Server, crowd: Crowd, number: int) -> float:
        people = self.scene.people[-CONNECTIONS:]
        asked = [get(f"/getTaskList?page=1&unionid={who.unionid}", who.token) for who in people]
        return ask(server, crowd, asked, OK)

    def _details(self, server: Server, crowd: Crowd, number: int) -> float:
        code = self.scene.tasks[0].code
        if not number:
            open_pages(server, crowd, [page(who, code) for who in self.scene.diggers[:50]])
        people = self.scene.people[-CONNECTIONS:]
        asked = [get(f"/getTaskDetails?code={code}&unionid={who.unionid}", who.token) for who in people]
        return ask(server, crowd, asked, OK)

    def _wave(self, server: Server, crowd: Crowd, number: int) -> float:
        code = self.scene.tasks[-1].code
        if not number:
            crowd.call("tear_off")
            open_pages(server, crowd, [page(self.scene.people[-1], code)] * WATCHERS)
        last: list[float] = []
        for digger in self.scene.diggers[:DIGS]:
            crowd.ask("hear", server.dig(digger, code), WATCHERS)
            last.append(max(crowd.answer().delays_ms))
        return statistics.median(last)

    def _taps(self, server: Server, crowd: Crowd, number: int) -> float:
        crowd.call("tear_off")
        people = self.scene.people[self.tapped : self.tapped + PEOPLE]
        self.tapped = self.tapped + PEOPLE
        if self.tapped + PEOPLE > len(self.scene.people):
            self.tapped = unit_costs.PEOPLE_WHO_TAP
        found: Tapped = crowd.call("tap", server.port, taps(self.scene.tasks[1], people), 50.0)
        assert not found.waiting, found
        return statistics.median(found.live_ms)

    def tables(self) -> Iterator[Row]:
        """Print what 10 thousand, 100 thousand and a million open pages need."""
        show_tables(self.units, self.limits)
        yield from ()


def _last(told: list[list[float]]) -> float:
    return statistics.median(max(dig) for dig in told)


def ask(server: Server, crowd: Crowd, asked: list[bytes], expected: bytes) -> float:
    """Return how many requests a second are answered if each connection asks again and again."""
    each = [[request] for request in asked]
    found: Asked = crowd.call("keep_asking", server.port, each, expected, ASK_SECONDS)
    assert not found.wrong, found.wrong.most_common(3)
    return len(found.waits_ms) / found.seconds


def measured(held: Held, server: Server, crowd: Crowd) -> Row:
    """Measure in rounds; return how far the median of the three quietest rounds is from the prediction."""
    rounds: list[tuple[float, float]] = []
    held.measure(0)  # warms up
    while len(rounds) < LEAST_ROUNDS or (len(rounds) < MOST_ROUNDS and sorted(rounds)[2][0] > QUIET_CORES):
        before = used_by_others(server, crowd)
        began = time.perf_counter()
        value = held.measure(len(rounds) + 1)
        beside = (used_by_others(server, crowd) - before) / (time.perf_counter() - began)
        rounds.append((max(0.0, beside), value))
    quietest = sorted(rounds)[:LEAST_ROUNDS]
    value = statistics.median(value for _, value in quietest)
    beside = quietest[-1][0]
    note = f"predicted {held.predicted:.4g}, measured {value:.4g} {held.unit}; others used {beside:.2f} cores"
    return Row(held.what, abs(value / held.predicted - 1), "off", held.bar, note)


def used_by_others(server: Server, crowd: Crowd) -> float:
    """Return the CPU seconds that all other processes of this machine have used."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = (sum(fields) - fields[3] - fields[4]) / TICKS_A_SECOND
    own = (*processes_of(server.process.pid), crowd.pid, os.getpid())
    return busy - sum(map(cpu_seconds, own))


def show_costs(units: Units) -> None:
    """Print the unit costs: CPU µs of each, commands and their bytes, bytes to and from the client."""
    print(
        f"{'':<28}{'CPU µs:':>8} {'process':>8}{'MongoDB':>9}{'Redis':>7}{'client':>8}"
        f"{'MongoDB:':>10}{'bytes':>8}{'Redis:':>8}{'bytes':>7}{'to and from the client':>24}"
    )
    for name, cost in (*units.of.items(), ("a second, nothing asked", units.idle)):
        print(
            f"{name:<37}{cost.worker:>8.1f}{cost.mongodb:>9.1f}{cost.redis:>7.1f}{cost.client:>8.1f}"
            f"{cost.mongodb_commands:>10.2f}{cost.mongodb_bytes:>8.0f}{cost.redis_commands:>8.2f}"
            f"{cost.redis_bytes:>7.0f}{bytes_of(units, name):>24}"
        )


def bytes_of(units: Units, name: str) -> str:
    if name in units.replies:
        return f"{units.replies[name]:.0f} bytes"
    frame = {"delivery": "cd", "tick, a delivery": "tick"}.get(name, "")
    return f"a frame of {units.frames[frame]:.0f} bytes" if frame in units.frames else ""


SIZES = (10_000, 100_000, 1_000_000)
SHAPES: dict[str, Callable[[int], int]] = {
    "one treasure that all watch": lambda pages: pages,
    "many treasures, 20 pages each": lambda _: 20,
}


def show_tables(units: Units, limits: scale.Limits) -> None:
    """Print the tables of docs/scaling.md in Markdown."""
    for shape, pages_each in SHAPES.items():
        needs = []
        for pages in SIZES:
            load = Load(pages, pages_each(pages))
            found = scale.need(units, load, limits)
            needs.append((found, scale.delays(units, load, found.processes)))
        print(f"\n| {shape} | " + " | ".join(f"{pages:,} pages" for pages in SIZES) + " |")
        print("|---" * (len(SIZES) + 1) + "|")
        for what, shown in ROWS:
            print(f"| {what} | " + " | ".join(shown(*each) for each in needs) + " |")
        print(f"\nWhere it breaks first, {shape}:\n")
        for most, what in scale.breaks(units, pages_each, limits):
            print(f"- {what}: {most:,.0f} pages" if most < 1e9 else f"- {what}: not below a billion pages")


def per_second(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def parts_of(share: float) -> str:
    """Return how many of a thing are needed if each may be at most half full."""
    return f"{100 * share:.1f} % of a core: " + (
        "one" if share <= 0.5 else f"{math.ceil(share / 0.5)} shards"
    )


def sets_of(sets: int) -> str:
    return "one set" if sets == 1 else f"{sets} shards"


Shown = Callable[[scale.Need, scale.Delays], str]
ROWS: tuple[tuple[str, Shown], ...] = (
    ("processes, a core each", lambda need, _: f"{need.processes}"),
    ("CPU of all, in cores", lambda need, _: f"{need.cores:.1f}"),
    ("memory of all", lambda need, _: f"{need.memory_gb:.1f} GB"),
    ("frames a second", lambda need, _: per_second(need.frames)),
    ("to clients", lambda need, _: f"{need.megabits:,.0f} Mbit/s"),
    ("digs a second", lambda need, _: per_second(need.digs)),
    ("Redis", lambda need, _: parts_of(need.redis_share)),
    ("Redis, bytes a second", lambda need, _: f"{need.redis_bytes / 1e6:,.1f} MB"),
    ("MongoDB", lambda need, _: sets_of(need.mongodb_sets)),
    ("MongoDB, commands a second", lambda need, _: per_second(need.mongodb_commands)),
    ("MongoDB, bytes a second", lambda need, _: f"{need.mongodb_bytes / 1e6:,.1f} MB"),
    ("simulated: a dig to the last page", lambda _, delay: f"{delay.dig_to_last:.0f} ms"),
    ("simulated: a refusal beside ticks, p99", lambda _, delay: f"{delay.refused_beside_ticks_p99:.0f} ms"),
    ("simulated: a process killed, its pages are back", lambda _, delay: f"{delay.lost_back / 1000:.1f} s"),
)


def main() -> int:
    arguments = argparse.ArgumentParser(add_help=False)
    arguments.add_argument("--mongodb", metavar="URI")
    asked, sys.argv[1:] = arguments.parse_known_args()
    limits = scale.Limits()
    if asked.mongodb:
        limits = scale.Limits(mongodb_commands=commands_a_second(asked.mongodb))
        print(f"this MongoDB carried {limits.mongodb_commands:,.0f} commands a second", flush=True)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as directory:
        capacity = Capacity(Scene(directory), limits)
        return table.run(
            __doc__,
            {
                "costs": capacity.costs,
                "one": partial(capacity.held, 1),
                "two": partial(capacity.held, 2),
                "four": partial(capacity.held, 4),
                "tables": capacity.tables,
            },
        )


if __name__ == "__main__":
    sys.exit(main())
