"""Many people tap a shared link at the same moment: how soon is each page live, and what does a page cost?

    python bench/taps.py [--only hundred,five,two,cpu,news]

Needs two or three minutes. People, tasks and digs are made first. Then each section starts a server of its
own on this data: `python -m server`, one serving process, embedded stores, nothing cached. A tap asks for the
details over a new connection, with a token. Then it opens the websocket over another connection and waits for
the snapshot. Half of the people have presented their token before. A quarter of the taps is on a bare code, a
quarter on a link with the sharer's id, a quarter on a link with the sharer's share token, and a quarter on a
link with a share token in place of the code. Exits with 1 if a bar is missed.
"""

import itertools
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import httpx

from parts import pages, table
from parts.links import COOLDOWN_SECONDS, DIGGERS, Scene, Shared, bearer, taps
from parts.live import percentile, wait_until_counted
from parts.serving import Person, Server, cpu_seconds, running, store_of
from parts.table import Row
from parts.tappers import Tap, Tapped, Tappers, Told
from parts.watchers import Crowd

SECONDS = 50.0
WARM_UP = 20


@dataclass
class Storms:
    """The results of several storms of the same size. CPU is in milliseconds per tap."""

    size: int
    found: list[Tapped] = field(default_factory=list)
    worker_ms: list[float] = field(default_factory=list)
    store_ms: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def storm(
        self, server: Server, crowd: Crowd, taps: list[Tap], meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Let all tap at once, and call `meanwhile` again and again until all are live or refused."""
        (worker,) = server.workers()
        (store, _) = store_of(server)
        before = cpu_seconds(worker), cpu_seconds(store)
        crowd.ask("tap", server.port, taps, SECONDS)
        while meanwhile is not None and not crowd.answered(COOLDOWN_SECONDS + 0.1):
            meanwhile()
        self.found.append(crowd.answer())
        self.worker_ms.append(1000 * (cpu_seconds(worker) - before[0]) / len(taps))
        self.store_ms.append(1000 * (cpu_seconds(store) - before[1]) / len(taps))

    def end(self, server: Server, crowd: Crowd) -> None:
        """Cut all pages off, and wait until the server has noticed."""
        self.wrong, _ = crowd.call("found_wrong")
        crowd.call("tear_off")
        if not self.waiting:  # if pages still wait, the server may not answer at all
            wait_until_counted(server, 0, "wabao_websockets")

    @property
    def waiting(self) -> int:
        return sum(found.waiting for found in self.found)

    def rows(self, most_live_ms: float | None = None, most_store_ms: float | None = None) -> Iterator[Row]:
        refused = sum((found.refused for found in self.found), Counter[str]())
        times = f"{len(self.found)} × {self.size} at once"
        yield Row(f"{times}: refused", refused.total(), "", 0, _counted(refused))
        yield Row("  left waiting", self.waiting, "", 0)
        yield Row("  what was not as promised", self.wrong.total(), "", 0, _counted(self.wrong))
        details = [found.details_ms for found in self.found if len(found.details_ms) > 1]
        live = [found.live_ms for found in self.found if len(found.live_ms) > 1]
        for what, rounds, bar in (("details answered", details, None), ("page live", live, most_live_ms)):
            yield table.spread(f"  {what}: p50", [statistics.median(found) for found in rounds], "ms")
            yield table.spread(f"  {what}: p99", [percentile(found, 99) for found in rounds], "ms", bar)
        yield table.spread("  CPU of the worker a tap", self.worker_ms, "ms")
        yield table.spread("  CPU of the store a tap", self.store_ms, "ms", most_store_ms)
        clients_ms = [1000 * found.cpu_seconds / self.size for found in self.found]
        yield table.spread("  CPU of the clients a tap", clients_ms, "ms")


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counter.most_common())


def warm_up(server: Server, crowd: Crowd, scene: Scene) -> None:
    """Let other people tap another task first, so that each process has warmed up before it is measured."""
    storms = Storms(WARM_UP)
    storms.storm(server, crowd, taps(scene.tasks[-1], scene.diggers[:WARM_UP]))
    storms.end(server, crowd)


def several(scene: Scene, shared: Shared, size: int, rounds: int, most_ms: float | None) -> Iterator[Row]:
    """Storms on one task. Each storm has people of its own."""
    with running(directory=scene.directory) as server, closing(Crowd(Tappers)) as crowd:
        warm_up(server, crowd, scene)
        storms = Storms(size)
        for number in range(rounds):
            people = scene.people[size * number : size * (number + 1)]
            storms.storm(server, crowd, taps(shared, people))
            storms.end(server, crowd)
            if storms.waiting:
                break
    yield from storms.rows(most_ms)


@dataclass
class Digs:
    """Digs on one task during a storm: milliseconds to each acknowledgement, and the refusals by error."""

    server: Server
    code: str
    diggers: Iterator[Person]
    answered_ms: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def __call__(self) -> None:
        """Dig once."""
        digger = next(self.diggers)
        asked = {"unionid": digger.unionid, "code": self.code}
        headers = bearer(digger)
        began = time.perf_counter()
        try:
            reply = self.server.http.post("/postTask", json=asked, headers=headers).json()
        except httpx.TransportError as error:
            reply = {"status": 1, "error": type(error).__name__}
        if reply["status"]:
            self.refused[reply["error"]] += 1
        else:
            self.answered_ms.append(1000 * (time.perf_counter() - began))


def with_digs(scene: Scene, tasks: list[Shared], size: int, most_ms: float) -> Iterator[Row]:
    """A storm on each task, with about one dig per second."""
    digs: list[Digs] = []
    told: list[Told] = []
    with running(directory=scene.directory) as server, closing(Crowd(Tappers)) as crowd:
        warm_up(server, crowd, scene)
        storms = Storms(size)
        for shared in tasks:
            digs.append(Digs(server, shared.code, itertools.cycle(scene.diggers)))
            storms.storm(server, crowd, taps(shared, scene.people[:size]), digs[-1])
            told.append(crowd.call("told", DIGGERS + 1, DIGGERS + len(digs[-1].answered_ms)))
            storms.end(server, crowd)
            if storms.waiting:
                break
    yield from storms.rows(most_ms, most_store_ms=1.5)
    answered_ms = [ms for each in digs for ms in each.answered_ms]
    note = f"median {statistics.median(answered_ms or [math.inf]):.1f} of {len(answered_ms)}, one a second"
    yield Row("  digs meanwhile: acknowledged, worst", max(answered_ms, default=math.inf), "ms", 500, note)
    refused = sum((each.refused for each in digs), Counter[str]())
    yield Row("  digs meanwhile: refused", refused.total(), "", 0, _counted(refused))
    frames = "frames of each: " + "; ".join(", ".join(map(str, found.frames)) for found in told)
    yield Row("  live pages that lack a dig", sum(found.missed for found in told), "", 0, frames)
    last_ms = [ms for found in told for ms in found.last_ms]
    yield Row("  from a dig's commit to its last frame, worst", max(last_ms, default=math.inf), "ms")


def prepare(scene: Scene) -> None:
    """Make people, tasks and digs, and say how long that took."""
    began = time.perf_counter()
    scene.prepare(tasks=8)
    made = f"{len(scene.people)} people and {len(scene.tasks)} tasks"
    print(f"{made} made in {time.perf_counter() - began:.0f} s", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        scene = Scene(directory)
        return table.run(
            __doc__,
            {
                "hundred": lambda: several(scene, scene.tasks[0], 100, 25, None),
                "five": lambda: several(scene, scene.tasks[1], 500, 3, 1000),
                "two": lambda: with_digs(scene, scene.tasks[2:5], 2000, 3000),
                "cpu": lambda: pages.cpu_rows(scene, scene.tasks[5]),
                "news": lambda: pages.news_rows(scene, scene.tasks[6]),
            },
            partial(prepare, scene),
        )


if __name__ == "__main__":
    sys.exit(main())
