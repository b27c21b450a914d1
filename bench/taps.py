"""A shared link: everybody taps it within the same moment. How soon each page is live, and what a page costs.

    python bench/taps.py [--only hundred,five,two,cpu,news]

Needs two or three minutes. People, tasks and digs are made first. Then each section has a server of its own
on them: `python -m server`, one serving process, embedded stores, and nobody in its memory. A tap is a fresh
connection on which the details are asked for with a token, and then the websocket over another one until its
snapshot. Half of the people have presented their token before. A quarter taps a bare code, a quarter a link
with the sharer's id, a quarter one with the sharer's token, and a quarter one with that token in the place of
the code. Exits with 1 where a bar is missed.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pymongo
import table
from lines import get, log_in_all
from live import page, percentile, wait_until_counted
from pymongo.collection import Collection
from serving import Person, Server, cpu_seconds, running, store_of
from table import Row
from tappers import Tap, Tapped, Tappers, Told
from watchers import Crowd

from server.keys import Keys
from server.settings import read_settings, secret_of

PEOPLE = 2500
DIGGERS = 55  # more than the details show
COOLDOWN_SECONDS = 3
SECONDS = 50.0
WARM_UP = 20

Found = TypeVar("Found")


@dataclass(slots=True)
class Shared:
    """A task whose link goes round: who shares it, and their share token."""

    code: str
    sharer: Person
    token: str


@dataclass
class Scene:
    """What all sections play on: a directory with the stores of a server that has ended."""

    directory: str
    people: list[Person] = field(default_factory=list)
    diggers: list[Person] = field(default_factory=list)
    tasks: list[Shared] = field(default_factory=list)

    def prepare(self, tasks: int) -> None:
        """Make everybody, and publish so many tasks with 55 participants each."""
        with running(directory=self.directory) as server:
            publisher, *self.diggers = asyncio.run(log_in_all(server.port, DIGGERS + 1))
            for _ in range(tasks):
                code = server.publish(publisher, 0)
                for digger in self.diggers:
                    server.dig(digger, code)
                headers = {"Authorization": f"Bearer {publisher.token}"}
                asked = {"unionid": publisher.unionid, "code": code}
                details = server.http.get("/getTaskDetails", params=asked, headers=headers).json()
                self.tasks.append(Shared(code, publisher, details["share"]))
            _, port = store_of(server)
            with pymongo.MongoClient[dict[str, Any]](
                f"mongodb://127.0.0.1:{port}/wabao?directConnection=true"
            ) as client:
                database = client.get_default_database()
                # Only now, or the digs would take minutes.
                database["tasks"].update_many({}, {"$set": {"cd_ms": COOLDOWN_SECONDS * 1000}})
                self._write_people(database["people"])

    def _write_people(self, people: Collection[dict[str, Any]]) -> None:
        """Write people as a login leaves them, which 2,500 logins would take a minute for."""
        one = people.find_one({"_id": self.diggers[0].unionid})
        assert one is not None
        keys = Keys(secret_of(read_settings({"DATA_DIR": f"{self.directory}/data"})))
        unionids = [f"tapper{number:022}" for number in range(PEOPLE)]
        self.people = [Person(unionid, keys.sign_token(unionid)) for unionid in unionids]
        del one["token_seen"]
        people.insert_many(
            [
                {**one, "_id": unionid, "openid": f"openid of {unionid}"}
                | ({"token_seen": True} if number // 8 % 2 else {})
                for number, unionid in enumerate(unionids)
            ]
        )


def taps(shared: Shared, people: list[Person]) -> list[Tap]:
    """Let these people tap, by all the ways that a link can be shared."""
    links = itertools.cycle(
        (
            f"code={shared.code}",
            f"code={shared.code}&is_share=1&from_unionid={shared.sharer.unionid}",
            f"code={shared.code}&is_share=1&from_unionid={shared.token}",
            f"code={shared.token}",
        )
    )
    return [
        Tap(
            shared.code,
            get(f"/getTaskDetails?unionid={person.unionid}&{link}", person.token),
            page(person, shared.code),
            since=number // 4 % 2 == 1,
        )
        for number, (person, link) in enumerate(zip(people, links, strict=False))
    ]


@dataclass
class Storms:
    """What became of several storms of the same size; CPU milliseconds are a tap's."""

    size: int
    found: list[Tapped] = field(default_factory=list)
    worker_ms: list[float] = field(default_factory=list)
    store_ms: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def storm(
        self, server: Server, crowd: Crowd, taps: list[Tap], midway: Callable[[], Found] = lambda: None
    ) -> Found:
        """Let them tap at once, and call `midway` when half of the pages are live."""
        (worker,), (store, _) = server.workers(), store_of(server)
        before = cpu_seconds(worker), cpu_seconds(store)
        crowd.call("tap", server.port, taps, len(taps) // 2, SECONDS)
        returned = midway()
        self.found.append(crowd.call("tapped"))
        self.worker_ms.append(1000 * (cpu_seconds(worker) - before[0]) / len(taps))
        self.store_ms.append(1000 * (cpu_seconds(store) - before[1]) / len(taps))
        return returned

    def end(self, server: Server, crowd: Crowd) -> None:
        """Tear all pages off, and wait until the server knows."""
        self.wrong, _ = crowd.call("found_wrong")
        crowd.call("tear_off")
        if not self.waiting:  # else the server may not answer at all
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
            if rounds:
                yield spread(f"  {what}: p50", [statistics.median(found) for found in rounds], "ms")
                yield spread(f"  {what}: p99", [percentile(found, 99) for found in rounds], "ms", bar)
        yield spread("  CPU of the worker a tap", self.worker_ms, "ms")
        yield spread("  CPU of the store a tap", self.store_ms, "ms", most_store_ms)
        clients_ms = [1000 * found.cpu_seconds / self.size for found in self.found]
        yield spread("  CPU of the clients a tap", clients_ms, "ms")


def spread(what: str, values: list[float], unit: str, bar: float | None = None) -> Row:
    """Return a row of the median, which says how far apart the rounds were."""
    note = f"{min(values):.4g} to {max(values):.4g} in {len(values)} rounds" if len(values) > 1 else ""
    return Row(what, statistics.median(values), unit, bar, note)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counter.most_common())


def warm_up(server: Server, crowd: Crowd, scene: Scene) -> None:
    """Let some others tap another task first: no first request of a process is measured."""
    storms = Storms(WARM_UP)
    storms.storm(server, crowd, taps(scene.tasks[-1], scene.diggers[:WARM_UP]))
    storms.end(server, crowd)


def several(scene: Scene, task: int, size: int, rounds: int, most_ms: float | None) -> Iterator[Row]:
    """Storms on one task, each of other people."""
    with running(directory=scene.directory) as server, closing(Crowd(Tappers)) as crowd:
        warm_up(server, crowd, scene)
        storms = Storms(size)
        for number in range(rounds):
            people = scene.people[size * number : size * (number + 1)]
            storms.storm(server, crowd, taps(scene.tasks[task], people))
            storms.end(server, crowd)
            if storms.waiting:
                break
    yield from storms.rows(most_ms)


def with_a_dig(scene: Scene, tasks: slice, size: int, most_ms: float) -> Iterator[Row]:
    """A storm a task, and somebody digs while half of the pages are not live yet."""
    answered_ms: list[float] = []
    told: list[Told] = []
    with running(directory=scene.directory) as server, closing(Crowd(Tappers)) as crowd:
        warm_up(server, crowd, scene)
        storms = Storms(size)
        for shared in scene.tasks[tasks]:

            def dig(code: str = shared.code) -> int:
                began = time.perf_counter()
                seq = server.dig(scene.people[-1], code)
                answered_ms.append(1000 * (time.perf_counter() - began))
                return seq

            seq = storms.storm(server, crowd, taps(shared, scene.people[:size]), dig)
            told.append(crowd.call("told", seq))
            storms.end(server, crowd)
            if storms.waiting:
                break
    yield from storms.rows(most_ms, most_store_ms=1.5)
    yield Row("  a dig midway: acknowledged, worst", max(answered_ms), "ms", 500)
    frames = "; ".join(f"{found.by_frame} by frame, {found.by_snapshot} by snapshot" for found in told)
    yield Row("  live pages that did not learn of it", sum(found.missed for found in told), "", 0, frames)
    yield spread("  from the dig's commit to its last frame", [found.last_ms for found in told], "ms")


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        scene = Scene(directory)
        began = time.perf_counter()
        scene.prepare(tasks=7)
        print(f"{PEOPLE} people and {len(scene.tasks)} tasks made in {time.perf_counter() - began:.0f} s")
        return table.run(
            __doc__,
            {
                "hundred": partial(several, scene, 0, 100, 25, None),
                "five": partial(several, scene, 1, 500, 3, 2000),
                "two": partial(with_a_dig, scene, slice(2, 5), 2000, 6000),
            },
        )


if __name__ == "__main__":
    sys.exit(main())
