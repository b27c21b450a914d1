"""Measures the costs of a server's work: CPU, commands and bytes to the stores, bytes to the client.

The serving process, its stores and its clients are separate processes, so the kernel knows the CPU time of
each. A proxy before the embedded MongoDB counts commands and bytes; Redis counts its own. Unlike elapsed
time, CPU time varies by only a few percent with other work on the machine. Requests are measured on a machine
with all cores busy, because they cost more under load; a dig and its deliveries on an idle machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import pymongo
from pymongo.database import Database
from redis import Redis

from parts.askers import Askers
from parts.lines import get, post
from parts.links import Scene, taps
from parts.live import dig_to, open_pages, page
from parts.serving import Person, Server, cpu_seconds, cpu_us, rss_kb, running
from parts.watchers import Crowd
from server.actions.digging.dig import MARK_SECONDS
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.runtime.children import start_child, stop_child
from server.store.digging.digs import stored
from support.wire.messages import is_command
from support.wire.proxy import Link, Wire

CONNECTIONS = 16
IDLE_SECONDS = 5.0
ASK_SECONDS = 2.0
TICK_SECONDS = 5.0
DIGS = 60
WATCHERS = 1000
HEARD_DIGS = 20
TAPS = 100
ALONE = 20
TREASURES = 400
RECEIVERS = 20
MESSAGES = 2000
MESSAGE_BYTES = 500
PEOPLE_WHO_TAP = 3 * TAPS
A_DAY_MS = 86_400_000
OK = b'"status":0'
COOLING = b"cooling_down"


@dataclass(slots=True, frozen=True)
class Spent:
    """CPU in µs of the serving process, MongoDB, Redis and clients; commands and their bytes both ways."""

    worker: float = 0.0
    mongodb: float = 0.0
    redis: float = 0.0
    client: float = 0.0
    mongodb_commands: float = 0.0
    mongodb_bytes: float = 0.0
    redis_commands: float = 0.0
    redis_bytes: float = 0.0

    def __sub__(self, other: Spent) -> Spent:
        return Spent(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, factor: float) -> Spent:
        return Spent(*(factor * value for value in astuple(self)))

    def at_least_nothing(self) -> Spent:
        """Replace negative costs, which background work can cause, by 0."""
        return Spent(*(max(0.0, value) for value in astuple(self)))


@dataclass
class Units:
    """All costs. `of` has each cost by name; `idle` is the cost of a second with open pages but no requests.

    `replies` has the bytes of a request with its reply, `frames` the bytes of a frame by type.
    """

    of: dict[str, Spent] = field(default_factory=dict)
    idle: Spent = field(default_factory=Spent)
    replies: dict[str, float] = field(default_factory=dict)
    frames: dict[str, float] = field(default_factory=dict)
    base_kb: float = 0.0
    socket_kb: float = 0.0
    published_us: float = 0.0  # of Redis, for a message
    received_us: float = 0.0  # of Redis, for each process that gets the message
    news_us: float = 0.0  # of a process that gets the message
    news_bytes: float = 0.0  # of the message that tells of a dig, in Redis' protocol


class Counting(Wire):
    """Counts commands and the bytes of both directions."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._lock = threading.Lock()
        self.commands = self.bytes = 0

    def exchange(self, link: Link, request: bytes) -> None:
        reply = link.forward(request)
        with self._lock:
            self.commands += is_command(request)
            self.bytes += len(request) + len(reply or b"")
        if reply is not None:
            link.answer(reply)


@dataclass
class Meter:
    """Reads what all processes have spent so far."""

    worker: int
    mongodb: int
    redis: int
    client: int
    wire: Counting
    bus: Redis
    asked: int = 0  # our own commands to Redis
    _own_bytes: float = 0.0

    def __post_init__(self) -> None:
        first = self.read().redis_bytes
        self._own_bytes = self.read().redis_bytes - first

    def read(self) -> Spent:
        stats: Any = self.bus.info("stats")
        self.asked += 1
        return Spent(
            cpu_us(self.worker),
            1e6 * cpu_seconds(self.mongodb),  # `cpu_us` would miss ended threads
            cpu_us(self.redis),
            cpu_us(self.client),
            self.wire.commands,
            self.wire.bytes,
            stats["total_commands_processed"] - self.asked,
            stats["total_net_input_bytes"] + stats["total_net_output_bytes"] - self._own_bytes * self.asked,
        )


@contextmanager
def metered(scene: Scene, crowd: Crowd) -> Iterator[tuple[Server, Meter, str]]:
    """Run one serving process on the scene's data; yield the server, what counts, and MongoDB's URI."""
    data = Path(scene.directory) / "data"
    stores = EmbeddedMongoDB(data), EmbeddedRedis(data)
    for store in stores:
        store.start()
    wire = Counting("127.0.0.1", stores[0].port)
    wire.start()
    uri = f"mongodb://127.0.0.1:{wire.port}/wabao?directConnection=true&retryWrites=false"
    release = [sys.executable, "-m", "server", "release", "--unchecked"]
    subprocess.run(release, env=os.environ | {"MONGODB_URI": uri}, check=True, capture_output=True)
    try:
        with (
            running(1, scene.directory, MONGODB_URI=uri, REDIS_URL=stores[1].uri) as server,
            Redis.from_url(stores[1].uri) as bus,
        ):
            (worker,) = server.workers()
            (mongodb, redis) = (store.pid for store in stores)
            assert mongodb is not None
            assert redis is not None
            yield server, Meter(worker, mongodb, redis, crowd.pid, wire, bus), stores[0].uri
    finally:
        wire.end()
        for store in stores:
            store.kill()


class Measuring:
    """Measures one cost after another. The cost of an idle machine is subtracted from each."""

    def __init__(self, scene: Scene, server: Server, crowd: Crowd, meter: Meter) -> None:
        self.scene = scene
        self.server = server
        self.crowd = crowd
        self.meter = meter
        self.units = Units()

    def idle(self) -> None:
        """Note the cost of a second with one page open: without a page, a process sends fewer commands."""
        code = self.scene.tasks[0].code
        open_pages(self.server, self.crowd, [page(self.scene.people[-1], code)])
        time.sleep(IDLE_SECONDS / 5)
        self.idle_again()

    def idle_again(self) -> None:
        """Note the cost of an idle second again: just after the start, a process sends more commands."""
        spent, seconds = self.spent(lambda: time.sleep(IDLE_SECONDS))
        self.units.idle = spent * (1 / seconds)

    def spent(self, what: Callable[[], Any]) -> tuple[Spent, float]:
        before = self.meter.read()
        began = time.perf_counter()
        what()
        seconds = time.perf_counter() - began
        return self.meter.read() - before, seconds

    def note(self, name: str, times: int, what: Callable[[], Any], less: Spent | None = None) -> None:
        """Run `what`, divide its cost by `times`, subtract `less`, and note the rest under `name`."""
        spent, seconds = self.spent(what)
        each = (spent - self.units.idle * seconds) * (1 / times)
        self.units.of[name] = (each - (less or Spent())).at_least_nothing()

    def asking(
        self, name: str, requests: list[bytes], expected: bytes, connections: int = CONNECTIONS
    ) -> None:
        """Note the cost of a request that many connections send again and again, after warming up."""
        each = [requests[first::connections] for first in range(connections)]
        self.crowd.call("keep_asking", self.server.port, each, expected, ASK_SECONDS / 4)
        before = self.meter.read()
        began = time.perf_counter()
        found = self.crowd.call("keep_asking", self.server.port, each, expected, ASK_SECONDS)
        assert not found.wrong, found.wrong.most_common(3)
        spent = self.meter.read() - before - self.units.idle * (time.perf_counter() - began)
        self.units.of[name] = (spent * (1 / len(found.waits_ms))).at_least_nothing()
        self.units.replies[name] = (found.reply_bytes + found.request_bytes) / len(found.waits_ms)


@contextmanager
def no_core_rests() -> Iterator[None]:
    """Keep all cores busy at the lowest priority: under load a piece of work costs more than alone."""
    spin = [sys.executable, "-c", "import os\nos.nice(19)\nwhile True: pass"]
    spinning = [start_child(spin) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in spinning:
            stop_child(each, 1.0)


def measure(scene: Scene) -> Units:
    """Measure all. It takes about a minute.

    Digs come one by one on an idle machine; requests come all at once.
    """
    with closing(Crowd(Askers)) as crowd, metered(scene, crowd) as (server, meter, mongodb):
        found = Measuring(scene, server, crowd, meter)
        units = found.units
        units.base_kb = rss_kb(meter.worker)
        found.idle()
        watching(found)
        with no_core_rests():
            found.idle()
            requests(found)
            many_treasures(found, mongodb)
            shared_links(found)
            units.news_us, units.news_bytes = news(found)
            units.published_us, units.received_us = messages(meter)
        return units


def requests(found: Measuring) -> None:
    scene = found.scene
    server = found.server
    shared = scene.tasks[0]
    known = scene.people[PEOPLE_WHO_TAP : PEOPLE_WHO_TAP + 100]
    open_pages(server, found.crowd, [page(digger, shared.code) for digger in scene.diggers[:50]])
    for name, path in (("details", f"/getTaskDetails?code={shared.code}"), ("square", "/getTaskList?page=1")):
        asked = [get(f"{path}&unionid={who.unionid}", who.token) for who in known]
        found.asking(name, asked, OK)
        if name == "details":
            found.asking(f"{name}, alone", asked, OK, 1)
    cooling = server.publish(shared.sharer, 3600)
    server.dig(scene.diggers[0], cooling)
    asked = [post("/postTask", {"unionid": who.unionid, "code": cooling}, who.token) for who in known]
    found.asking("refusal", asked, COOLING)
    found.crowd.call("tear_off")


def dig_alone(server: Server, diggers: list[Person], code: str) -> None:
    """Let each dig, and wait until the mark of the dig is removed. After a cooldown, no other dig comes in
    time to overwrite it."""
    for digger in diggers:
        server.dig(digger, code)
        time.sleep(2 * MARK_SECONDS)


def watching(found: Measuring) -> None:
    scene = found.scene
    server = found.server
    crowd = found.crowd
    units = found.units
    code = scene.tasks[-1].code
    who = scene.people[PEOPLE_WHO_TAP]
    diggers = [scene.diggers[number % len(scene.diggers)] for number in range(DIGS)]
    found.note("dig", DIGS, lambda: [server.dig(digger, code) for digger in diggers])
    found.note("dig, alone", ALONE, lambda: dig_alone(server, diggers[:ALONE], code))
    open_pages(server, crowd, [page(who, code)] * 50)
    before_kb = rss_kb(found.meter.worker)
    found.note("handshake", WATCHERS, lambda: open_pages(server, crowd, [page(who, code)] * WATCHERS))
    units.socket_kb = (rss_kb(found.meter.worker) - before_kb) / WATCHERS
    all_pages = WATCHERS + 50
    crowd.call("weigh")
    diggers = scene.diggers[:HEARD_DIGS]
    # The cost of a delivery, in µs: subtract the cost of an unwatched dig from that of a dig that everybody
    # watches, and divide by the number of deliveries.
    less = units.of["dig"] * (1 / all_pages)
    times = HEARD_DIGS * all_pages
    found.note("delivery", times, lambda: dig_to(server, crowd, code, diggers, all_pages), less)
    weighed(units, *crowd.call("weigh"))
    crowd.call("tear_off")

    cooling = server.publish(scene.tasks[-1].sharer, 3600)
    open_pages(server, crowd, [page(who, cooling)] * WATCHERS)
    found.idle_again()
    server.dig(scene.diggers[0], cooling)
    crowd.call("weigh")
    times = int(WATCHERS * TICK_SECONDS)
    found.note("tick, a delivery", times, lambda: time.sleep(TICK_SECONDS))
    weighed(units, *crowd.call("weigh"))
    crowd.call("tear_off")


def weighed(units: Units, numbers: dict[str, int], sizes: dict[str, int]) -> None:
    found = {kind: sizes[kind] / number for kind, number in numbers.items()}
    units.frames = found | units.frames


def many_treasures(found: Measuring, mongodb: str) -> None:
    """Open a page on each of many unwatched treasures; then let all of them cool down and send ticks."""
    scene = found.scene
    server = found.server
    crowd = found.crowd
    units = found.units
    who = scene.people[PEOPLE_WHO_TAP]
    with (
        pymongo.MongoClient[dict[str, Any]](mongodb) as client,
        copied(client.get_default_database("wabao"), scene.tasks[-1].code) as codes,
    ):
        pages = [page(who, code) for code in codes]
        first = pages[: TREASURES // 4]
        rest = pages[TREASURES // 4 :]
        open_pages(server, crowd, first, 20)  # fills what a process makes once
        found.note("handshake, cold treasure", len(rest), lambda: open_pages(server, crowd, rest, 20))
        less = units.of["tick, a delivery"]
        found.note(
            "a treasure's tick and poll",
            int(TREASURES * TICK_SECONDS),
            lambda: time.sleep(TICK_SECONDS),
            less,
        )
        crowd.call("tear_off")


@contextmanager
def copied(database: Database[dict[str, Any]], code: str) -> Iterator[list[str]]:
    """Copy this treasure many times, in its state after its first dig but with a cooldown until tomorrow."""
    tasks = database["tasks"]
    digs = database["digs"]
    task = tasks.find_one({"_id": code})
    dig = digs.find_one({"_id": f"{code}:1"})
    assert task is not None
    assert dig is not None
    until = int(time.time() * 1000) + A_DAY_MS
    codes = [f"copy{index:08}" for index in range(TREASURES)]
    first = {"now_depth": 1, "participants": 1, "cd_ms": A_DAY_MS, "cd_until": until, "last_dig": None}
    fields = {"cd_until": until, "participants": 1}
    tasks.insert_many([{**task, **first, "_id": copy} for copy in codes])
    history: list[Any] = [{**dig, **fields, "_id": f"{copy}:1", "code": copy} for copy in codes]
    digs.insert_many([stored(each) for each in history])
    yield codes
    tasks.delete_many({"_id": {"$in": codes}})
    digs.delete_many({"code": {"$in": codes}})


def shared_links(found: Measuring) -> None:
    """Let new people tap a link: details over one connection, then the websocket over another."""
    scene = found.scene
    crowd = found.crowd
    groups = [scene.people[first : first + TAPS] for first in range(0, PEOPLE_WHO_TAP, TAPS)]

    def tap(people: list[Person]) -> None:
        live = crowd.call("tap", found.server.port, taps(scene.tasks[1], people), 50.0)
        assert not live.waiting, live

    # These people tap one after the other, because taps at the same moment share commands.
    alone = [[who] for who in scene.people[-ALONE:]]
    found.note("tap, alone", ALONE, lambda: list(map(tap, alone)))
    times = TAPS * len(groups)
    found.note("first details", times, lambda: list(map(tap, groups)), found.units.of["handshake"])
    crowd.call("tear_off")


def news(found: Measuring) -> tuple[float, float]:
    """Return the µs that a process takes to hear of a dig from Redis, and the message's bytes; send it many
    times."""
    bus = found.meter.bus
    scene = found.scene
    open_pages(found.server, found.crowd, [page(scene.people[0], scene.tasks[-1].code)])
    with bus.pubsub() as heard:  # type: ignore[no-untyped-call]
        heard.psubscribe(f"*{{{scene.tasks[-1].code}}}")
        heard.get_message(timeout=1.0)
        found.server.dig(scene.diggers[0], scene.tasks[-1].code)
        told = heard.get_message(ignore_subscribe_messages=True, timeout=5.0)
    assert told is not None
    channel = told["channel"]
    data = told["data"]
    spent, seconds = found.spent(lambda: [bus.publish(channel, data) for _ in range(MESSAGES)])
    each = (spent - found.units.idle * seconds) * (1 / MESSAGES)
    return each.worker, each.redis_bytes / 2  # on the way to Redis, and from there


def messages(meter: Meter) -> tuple[float, float]:
    """Return Redis's µs for a message that nobody gets, and for each process that gets it."""

    def each(receivers: int) -> float:
        subscribed = [meter.bus.pubsub() for _ in range(receivers)]  # type: ignore[no-untyped-call]
        for one in subscribed:
            one.subscribe("capacity")
            one.get_message(timeout=1.0)
        before = cpu_us(meter.redis)
        for _ in range(MESSAGES // 100):
            pipeline = meter.bus.pipeline(transaction=False)
            for _ in range(100):
                pipeline.publish("capacity", b"x" * MESSAGE_BYTES)
            pipeline.execute()
            for one in subscribed:
                while one.get_message(timeout=0.0) is not None:
                    pass
        spent = (cpu_us(meter.redis) - before) / MESSAGES
        for one in subscribed:
            one.close()
        return spent

    alone = each(0)
    return alone, max(0.0, each(RECEIVERS) - alone) / RECEIVERS
