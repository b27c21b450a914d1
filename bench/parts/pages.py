"""Two sections of `taps.py`: the CPU of a page, and the commands to the stores per page and per dig.

The CPU is compared with a bare handler that writes the same bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from parts import table
from parts.lines import Line, get
from parts.links import Scene, Shared, taps
from parts.live import dig_to, open_pages, page
from parts.serving import Person, Server, cpu_us, running, running_bare, store_of
from parts.table import Row
from parts.tappers import Tappers
from parts.watchers import Crowd
from server.running.stores import EmbeddedRedis

AT_ONCE = 50
GROUP = 200
ROUNDS = 5
WATCHERS = 50
MOST_DETAILS = 1.8
MOST_LIST = 2.0
# Enough digs to outweigh the commands that processes also send without digs, in bursts every few seconds.
PAGES = 100
DIGS = 200
PROCESSES = 4
IDLE_SECONDS = 8.0
MOST_MORE = 0.25


@dataclass
class Kind:
    """A kind of request, and its CPU µs per request in each round."""

    what: str
    most: float | None
    server_us: list[float] = field(default_factory=list)
    bare_us: list[float] = field(default_factory=list)
    store_us: list[float] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        ratios = [ours / bare for ours, bare in zip(self.server_us, self.bare_us, strict=True)]
        yield table.spread(f"CPU, {self.what}: ours", self.server_us, "µs")
        yield table.spread("  a bare handler that writes the same bytes", self.bare_us, "µs")
        yield table.spread("  ours / bare", ratios, "", self.most)
        yield table.spread("  the store meanwhile", self.store_us, "µs")


def cpu_rows(scene: Scene, shared: Shared) -> Iterator[Row]:
    """CPU time of the serving process, with requests over 50 keep-alive connections at once."""
    with (
        running(directory=scene.directory) as server,
        running_bare(Path(scene.directory)) as (bare_pid, bare_port),
        closing(Crowd()) as crowd,
    ):
        open_pages(server, crowd, [page(digger, shared.code) for digger in scene.diggers[:WATCHERS]])
        kinds = asyncio.run(_rounds(server, bare_pid, bare_port, scene.people, shared.code))
    for kind in kinds:
        yield from kind.rows()


async def _rounds(
    server: Server, bare_pid: int, bare_port: int, people: list[Person], code: str
) -> list[Kind]:
    (worker,) = server.workers()
    (store, _) = store_of(server)
    first = Kind("details, a person's first request", None)
    again = Kind("details, a person who is known", MOST_DETAILS)
    square = Kind("the square, page 1", MOST_LIST)
    details = f"getTaskDetails?code={code}"
    squares = "getTaskList?page=1"
    ours = await _lines(server.port)
    theirs = await _lines(bare_port)
    for path in (details, squares):
        await _copy(ours[0], theirs[0], path, people[-1])
    for number in range(ROUNDS + 1):  # the first one warms up
        group = people[GROUP * number : GROUP * (number + 1)]
        for kind, path in ((first, details), (again, details), (square, squares)):
            requests = [get(f"/{path}&unionid={person.unionid}", person.token) for person in group]
            same = [get(f"/same/{path}&unionid={person.unionid}", person.token) for person in group]
            store_us = cpu_us(store)
            server_us = await _cost(ours, requests, worker)
            store_us = (cpu_us(store) - store_us) / len(group)
            bare_us = await _cost(theirs, same, bare_pid)
            if number:
                kind.server_us.append(server_us)
                kind.bare_us.append(bare_us)
                kind.store_us.append(store_us)
    for line in (*ours, *theirs):
        line.close()
    return [first, again, square]


async def _lines(port: int) -> list[Line]:
    lines = [Line(port) for _ in range(AT_ONCE)]
    for line in lines:
        await line.connect()
    return lines


async def _copy(ours: Line, theirs: Line, path: str, person: Person) -> None:
    """Give the bare handler our reply to this path, so that it writes the same bytes."""
    ours.send(get(f"/{path}&unionid={person.unionid}", person.token))
    body = await ours.body()
    assert b'"status":0' in body, body[:500]
    name = path.partition("?")[0]
    head = f"PUT /same/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    theirs.send(head.encode() + body)
    await theirs.body()


async def _cost(lines: list[Line], requests: list[bytes], pid: int) -> float:
    """Send all requests over these lines; return the process's CPU µs per request."""

    async def ask(line: Line, requests: list[bytes]) -> None:
        for request in requests:
            line.send(request)
            body = await line.body()
            assert b'"status":0' in body, body[:500]

    before = cpu_us(pid)
    await asyncio.gather(*(ask(line, requests[index :: len(lines)]) for index, line in enumerate(lines)))
    return (cpu_us(pid) - before) / len(requests)


@dataclass(slots=True)
class Commands:
    """Numbers of commands to MongoDB and to Redis; `publish` counts the PUBLISH among Redis' commands."""

    mongodb: float
    redis: float
    publish: float

    @classmethod
    def so_far(cls, server: Server, bus: Redis) -> Commands:
        calls = {name: found["calls"] for name, found in bus.info("commandstats").items()}
        mongodb = server.counted("wabao_store_seconds_count")
        return cls(mongodb, sum(calls.values()), calls.get("cmdstat_publish", 0))

    def __sub__(self, other: Commands) -> Commands:
        return Commands(self.mongodb - other.mongodb, self.redis - other.redis, self.publish - other.publish)

    def __mul__(self, factor: float) -> Commands:
        return Commands(self.mongodb * factor, self.redis * factor, self.publish * factor)


@dataclass(slots=True)
class Traffic:
    """The commands that some processes send per page, per dig, and per idle second.

    `receivers`: how many connections get each PUBLISH.
    """

    processes: int
    pages: int
    not_live: int
    page: Commands
    dig: Commands
    idle: Commands
    receivers: int

    def rows(self) -> Iterator[Row]:
        plural = "es" if self.processes > 1 else ""
        what = f"{self.processes} process{plural}, {self.pages} at once"
        yield Row(f"{what}: refused or left waiting", self.not_live, "", 0)
        yield Row("  commands to MongoDB a page", self.page.mongodb, "")
        yield Row("  commands to Redis a page", self.page.redis, "")
        yield Row("  commands to MongoDB a dig", self.dig.mongodb, "")
        yield Row("  commands to Redis a dig", self.dig.redis, "")
        yield Row("  PUBLISH a dig", self.dig.publish, "", 1.1, f"each received by {self.receivers}")
        note = f"to Redis {self.idle.redis:.1f}; taken off above"
        yield Row("  commands to MongoDB a second, whatever happens", self.idle.mongodb, "", note=note)


def traffic(scene: Scene, shared: Shared, people: list[Person], processes: int) -> Traffic:
    """Let these people tap; then dig while all of them watch."""
    with running(processes, scene.directory) as server, closing(Crowd(Tappers)) as crowd:
        uri = EmbeddedRedis.address_file(Path(scene.directory) / "data").read_text()
        with closing(Redis.from_url(uri)) as bus:
            times = [time.perf_counter()]
            counts = [Commands.so_far(server, bus)]

            def note() -> None:
                times.append(time.perf_counter())
                counts.append(Commands.so_far(server, bus))

            found = crowd.call("tap", server.port, taps(shared, people), 50.0)
            live = len(found.live_ms)
            note()
            time.sleep(IDLE_SECONDS)
            note()
            diggers = list(itertools.islice(itertools.cycle(scene.diggers), DIGS))
            dig_to(server, crowd, shared.code, diggers, live)
            note()
            channels = [name for name in bus.pubsub_channels() if shared.code.encode() in name]
            receivers = sum(number for _, number in bus.pubsub_numsub(*channels))
        spent = [after - before for before, after in itertools.pairwise(times)]
        sent = [after - before for before, after in itertools.pairwise(counts)]
        idle = sent[1] * (1 / spent[1])
        page, dig = (sent[k] - idle * spent[k] for k in (0, 2))
        page = page * (1 / len(people))
        dig = dig * (1 / DIGS)
        return Traffic(processes, len(people), len(people) - live, page, dig, idle, receivers)


def news_rows(scene: Scene, shared: Shared) -> Iterator[Row]:
    """Commands per page and dig: with one process, then with four processes and four times the people."""
    one = traffic(scene, shared, scene.people[:PAGES], 1)
    many = traffic(scene, shared, scene.people[PAGES : PAGES * (PROCESSES + 1)], PROCESSES)
    yield from one.rows()
    yield from many.rows()
    more = (many.page - one.page, many.dig - one.dig)
    for what, commands in zip(("page", "dig"), more, strict=True):
        for store, value in (("MongoDB", commands.mongodb), ("Redis", commands.redis)):
            yield Row(f"{PROCESSES} processes less 1: commands to {store} a {what}", value, "", MOST_MORE)
