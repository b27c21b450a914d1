"""Strangers attack one serving process while 100 honest people watch and dig: what do the people notice?

    python bench/hostile.py [--only slashes,uploads,chunks,connections,pictures,proofs,heads]
    python bench/hostile.py [--only stalled,flat,campus]
    NAKED=1 python bench/hostile.py …    # without the proxy: what Tornado alone can hold

Needs twelve minutes. Each attack of `parts/attackers.py` has a server of its own (one serving process,
embedded stores). Everybody comes through nginx with `deploy/nginx.conf`, but without TLS. People dig 20 times
per second, each time over a new connection. They do so for 15 s before the attack, for 25 s during it, and
for 10 s that begin 5 s after its end. A dig's time begins when it is due, so delays in the client count too.
Attackers and honest people are separate processes; the attackers' process has the lowest priority. During
`stalled` and `flat`, people do not dig but upload photos, one after another, and each upload is timed. During
`campus`, 2,000 people with tokens dig once each, 25 per second, and 250 of them watch, all from the
attackers' address. (On two cores, digs would not reach 2,000 watchers in time.) Memory is the sum of the
supervisor, the serving process, its processes for pictures and the stores; shared memory counts once. Exits
with 1 if a bar is missed.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pymongo
from pymongo.database import Database

from parts import attackers, guests, table
from parts.attackers import Weapons
from parts.guests import Digs, Guests
from parts.lines import log_in_all
from parts.live import a_dig, open_pages, page, percentile
from parts.login import a_ticket
from parts.nginx import nginx
from parts.serving import Person, Server, memory_bytes, processes_of, running, store_of
from parts.table import Row
from parts.watchers import Crowd
from server.running.stores import free_port
from server.store.digging.digs import stored

NAKED = os.environ.get("NAKED") == "1"
HONEST = 100
ATTACKERS = 10
TASKS = 4
DIGS_A_SECOND = 20
CALM_SECONDS = 15.0
ATTACK_SECONDS = 25.0
REST_SECONDS = 5.0
AFTER_SECONDS = 10.0
LONG_DIGS = 30_000
INSERTED_AT_ONCE = 1000
DESCRIPTORS = 1024
STUDENTS = 2000
WATCHING_STUDENTS = 250
STUDENTS_DIGS_A_SECOND = 25
NEWCOMER_SECONDS = 2.0
LOOK_SECONDS = 0.25
MOST_PHOTO_MS = 3000
MOST_HEALTH_MS = 500
MOST_SLOWER = 2
MOST_MS = 1000
MOST_MB = 400
MOST_LOG_KB = 1024


@dataclass
class Scene:
    """Shared by all sections: people, tasks, and a directory with the stores of a server that has ended."""

    directory: str
    people: list[Person] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    weapons: Weapons = field(default_factory=lambda: Weapons([]))

    def prepare(self) -> None:
        """Make the people, their tasks and the attackers' pictures."""
        self.weapons.draw()
        with running(directory=self.directory) as server:
            publisher, *people = log_in_all(server.port, HONEST + ATTACKERS + 1)
            self.people = people[:HONEST]
            self.weapons.people = people[HONEST:]
            self.tasks = [server.publish(publisher, 0) for _ in range(TASKS)]
            self.weapons.long_task = server.publish(publisher, 0)
            server.dig(self.people[0], self.weapons.long_task)

    def end_long_task(self) -> None:
        """Give the long task its history, and end it as an operator would."""
        with running(directory=self.directory) as server, _database(server) as database:
            code = self.weapons.long_task
            made = database["digs"].find_one({"code": code})
            assert made is not None
            digs = [_later(made, depth) for depth in range(2, LONG_DIGS + 1)]
            for at in range(0, len(digs), INSERTED_AT_ONCE):
                database["digs"].insert_many(digs[at : at + INSERTED_AT_ONCE], ordered=False)
            ended = {"now_depth": LONG_DIGS, "status": 1, "end_reason": "operator", "ended_at": 1}
            database["tasks"].update_one({"_id": code}, {"$set": ended})


def _later(made: dict[str, Any], depth: int) -> dict[str, Any]:
    who = {"person_id": f"digger{depth}", "dig_id": f"dig{depth}"}
    places = {"_id": f"{made['code']}:{depth}", "depth": depth, "n": depth, "no": depth}
    return stored({**made, **who, **places})  # type: ignore[typeddict-item]


@contextmanager
def _database(server: Server) -> Iterator[Database[dict[str, Any]]]:
    _, port = store_of(server)
    uri = f"mongodb://127.0.0.1:{port}/wabao?directConnection=true&retryWrites=false"
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        yield client.get_default_database()


@dataclass
class Phase:
    """The results of honest people in a phase, and the server's memory (bytes) and log meanwhile."""

    digs: Digs
    frames_ms: list[float]
    most_memory: int = 0
    log_bytes_a_minute: float = 0
    health_ms: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        return percentile(self.digs.took_ms, 99)

    @property
    def worst_ms(self) -> float:
        return max(self.digs.took_ms)


@dataclass
class Honest:
    """Honest people: how many of them watch, how fast they dig, for how many seconds during the attack."""

    people: list[Person]
    watching: int = HONEST
    digs_a_second: int = DIGS_A_SECOND
    seconds: float = ATTACK_SECONDS


class Stage:
    """A server with honest people, who watch all the time and dig in phases."""

    def __init__(
        self, honest: Honest, tasks: list[str], server: Server, crowd: Crowd, digging: ProcessPoolExecutor
    ) -> None:
        self.server = server
        self.crowd = crowd
        self._digging = digging
        places = [(person, tasks[number % TASKS]) for number, person in enumerate(honest.people)]
        self._requests = [a_dig(person, code) for person, code in places]
        self._pages = [page(person, code) for person, code in places[: honest.watching]]
        self._digs_a_second = honest.digs_a_second

    def open(self) -> None:
        """Open everybody's page and dig a little, so that all processes are warm before they are measured."""
        open_pages(self.server, self.crowd, self._pages)
        self.phase(2.0)

    def phase(self, seconds: float, meanwhile: Callable[[], object] = bool) -> Phase:
        """Let people dig for this many seconds, and measure the server's health, memory and log meanwhile."""
        self.crowd.call("delays")
        began = time.monotonic()
        size = self.server.log.stat().st_size
        digs: Future[Digs] = self._digging.submit(
            guests.dig, self.server.port, self._requests, self._digs_a_second, seconds
        )
        most = 0
        health_ms = []
        while not digs.done():
            asked = time.monotonic()
            self.server.http.get("/healthz").raise_for_status()
            health_ms.append((time.monotonic() - asked) * 1000)
            meanwhile()
            most = max(most, sum(map(memory_bytes, processes_of(self.server.process.pid))))
            time.sleep(LOOK_SECONDS)
        minutes = (time.monotonic() - began) / 60
        grown = self.server.log.stat().st_size - size
        return Phase(digs.result(), self.crowd.call("delays"), most, grown / minutes, health_ms)


@contextmanager
def behind(scene: Scene, **settings: str) -> Iterator[Server]:
    """Run a server behind nginx; its `port` is that of nginx, for plain HTTP, its `http` asks it directly."""
    with running(1, scene.directory, TRUSTED_PROXIES="127.0.0.1", **settings) as server:
        if NAKED:
            yield server
            return
        with tempfile.TemporaryDirectory() as directory:
            port = free_port()
            with nginx(Path(directory), server.port, port):
                yield replace(server, port=port)


def section(scene: Scene, name: str, descriptors: int = 0) -> Iterator[Row]:
    """One attack on a server of its own. `descriptors` limits how many files its worker may open."""
    with behind(scene, SOCKETS_A_PERSON="10") as server:
        if descriptors:
            (worker,) = server.workers()
            _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (descriptors, hard))
        yield from attacked(scene, name, server, Honest(scene.people))


def campus(scene: Scene) -> Iterator[Row]:
    """The attack from the address that two thousand honest people share, while others log in there."""
    refused: Counter[str] = Counter()
    took_ms: list[float] = []
    limits = {"LIMITS_AN_ADDRESS": "1", "SOCKETS_A_PERSON": "10"}

    def log_in_now_and_then() -> None:
        if time.monotonic() < began + NEWCOMER_SECONDS * len(took_ms):
            return
        asked = time.monotonic()
        ticket = a_ticket(server.http, f"newcomer{len(took_ms)}", "小明")
        reply = server.http.get("/userLogin", params=ticket).json()
        refused.update([reply["error"]] if reply["status"] else [])
        took_ms.append((time.monotonic() - asked) * 1000)

    with behind(scene, REQUIRE_TOKEN="1", **limits) as server:
        directly = server.http.base_url.port or 0
        _, *people = log_in_all(directly, STUDENTS + 1)  # the first person published the tasks
        honest = Honest(people, WATCHING_STUDENTS, STUDENTS_DIGS_A_SECOND, STUDENTS / STUDENTS_DIGS_A_SECOND)
        began = time.monotonic()
        yield from attacked(scene, "campus", server, honest, log_in_now_and_then)
    yield Row("  logins of newcomers: worst", max(took_ms), "ms", None, f"of {len(took_ms)}")
    yield Row("  logins of newcomers: refused", refused.total(), "", 0, _counted(refused))


def attacked(
    scene: Scene, name: str, server: Server, honest: Honest, meanwhile: Callable[[], object] = bool
) -> Iterator[Row]:
    """Let honest people dig before, during and after an attack; `meanwhile` is called during it."""
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        crowd = stack.enter_context(closing(Crowd(Guests)))
        digging = stack.enter_context(ProcessPoolExecutor(1, spawn))
        attacking = stack.enter_context(ProcessPoolExecutor(1, spawn, attackers.begin))
        attacking.submit(abs, 0).result()  # start the process now, before anything is timed
        stage = Stage(honest, scene.tasks, server, crowd, digging)
        stage.open()
        workers = server.workers()
        calm = stage.phase(CALM_SECONDS)
        attack = attacking.submit(attackers.run, name, server.port, scene.weapons, honest.seconds)
        beside = stage.phase(honest.seconds, meanwhile)
        got = attack.result()
        time.sleep(REST_SECONDS)
        ready = server.http.get("/readyz").status_code
        after = stage.phase(AFTER_SECONDS)
        wrong, watching = crowd.call("found_wrong")
        replaced = set(workers) - set(server.workers())
    yield Row(f"{name}: what attackers were told", got.total(), "times", None, _counted(got))
    yield from _rows(calm, beside)
    refused = after.digs.refused + Counter({"late": sum(ms > MOST_MS for ms in after.digs.took_ms)})
    yield Row("  5 s after: p99 / without the attack", after.p99_ms / calm.p99_ms, "", MOST_SLOWER)
    yield Row(
        "  5 s after: refused or over 1 s", refused.total(), "", 0, f"{_counted(refused)} ready: {ready}"
    )
    yield Row("  workers replaced", len(replaced), "", 0)
    lost = honest.watching - watching
    yield Row("  watchers cut off, or told wrongly of a dig", wrong.total() + lost, "", 0, _counted(wrong))


def proofs(scene: Scene) -> Iterator[Row]:
    """The attack on a long task's proof."""
    scene.end_long_task()
    yield from section(scene, "proofs")


def uploading(scene: Scene, name: str) -> Iterator[Row]:
    """An attack on uploads, while somebody uploads a photo, again and again."""
    photo = attackers.a_photo()
    calm = list[float]()
    beside = list[float]()
    after = list[float]()
    refused: Counter[str] = Counter()
    victim = scene.people[0]

    def upload(until: float, took_ms: list[float]) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            reply = httpx.post(
                f"http://127.0.0.1:{server.port}/uploadFile",
                files={"file": photo},
                headers={"Authorization": f"Bearer {victim.token}"},
                timeout=60,
            ).json()
            took_ms.append((time.monotonic() - began) * 1000)
            refused.update([reply["error"]] if reply["status"] else [])
            time.sleep(LOOK_SECONDS)

    spawn = multiprocessing.get_context("spawn")
    with (
        behind(scene) as server,
        ProcessPoolExecutor(1, spawn, attackers.begin) as attacking,
    ):
        attacking.submit(abs, 0).result()
        upload(time.monotonic() + 3, calm)
        attack = attacking.submit(attackers.run, name, server.port, scene.weapons, ATTACK_SECONDS)
        time.sleep(1)  # until the attack is in full swing
        upload(time.monotonic() + ATTACK_SECONDS - 2, beside)
        got = attack.result()
        upload(time.monotonic() + 3, after)
    yield Row(f"{name}: what attackers were told", got.total(), "times", None, _counted(got))
    yield Row("  a photo without the attack: worst", max(calm), "ms")
    note = f"median {percentile(beside, 50):.0f} of {len(beside)}"
    yield Row("  a photo beside the attack: worst", max(beside), "ms", MOST_PHOTO_MS, note)
    yield Row("  a photo after it: worst", max(after), "ms", MOST_PHOTO_MS)
    yield Row("  refused", refused.total(), "", 0, _counted(refused))


def _rows(calm: Phase, beside: Phase) -> Iterator[Row]:
    note = f"median {percentile(calm.digs.took_ms, 50):.1f}, worst {calm.worst_ms:.1f}"
    yield Row("  digs without the attack: p99", calm.p99_ms, "ms", None, note)
    note = f"median {percentile(beside.digs.took_ms, 50):.1f} of {len(beside.digs.took_ms)}"
    yield Row("  digs beside the attack: p99", beside.p99_ms, "ms", None, note)
    yield Row("  the one / the other", beside.p99_ms / calm.p99_ms, "", MOST_SLOWER)
    yield Row("  worst", beside.worst_ms, "ms", MOST_MS)
    note = f"{max(calm.health_ms):.0f} without"
    yield Row("  /healthz: worst", max(beside.health_ms), "ms", MOST_HEALTH_MS, note)
    refused = calm.digs.refused + beside.digs.refused
    yield Row("  refused", refused.total(), "", 0, _counted(refused))
    yield Row("  from a dig to its frame: p99", percentile(beside.frames_ms, 99), "ms")
    note = f"{calm.most_memory / 2**20:.0f} without"
    yield Row("  memory of all processes, most", beside.most_memory / 2**20, "MB", MOST_MB, note)
    yield Row("  log", beside.log_bytes_a_minute / 1024, "KB/min", MOST_LOG_KB)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counter.most_common())


def prepare(scene: Scene) -> None:
    """Make people, tasks and pictures, and say how long that took."""
    began = time.perf_counter()
    scene.prepare()
    print(f"people, tasks and pictures made in {time.perf_counter() - began:.0f} s", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        scene = Scene(directory)
        kinds: table.Sections = {name: partial(section, scene, name) for name in attackers.KINDS}
        kinds |= {name: partial(uploading, scene, name) for name in ("stalled", "flat")}
        kinds["campus"] = partial(campus, scene)
        kinds["proofs"] = partial(proofs, scene)
        kinds["connections"] = partial(section, scene, "connections", DESCRIPTORS)
        return table.run(__doc__, kinds, partial(prepare, scene))


if __name__ == "__main__":
    sys.exit(main())
