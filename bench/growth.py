"""How each interface's time grows with the size of the database, and how much of it the store takes.

    python bench/growth.py [--tasks 100000] [--digs 2000000] [--rounds 21]
    python bench/growth.py --heavy

Starts a server of its own: one serving process, embedded stores, an empty directory. Each interface is called
while the database has just enough for full pages, and again after it was filled. A proxy before the store
notes how long each command takes; the rest of the request's time is the server's. Prints the medians, and the
command that grew most.
Then commands that MongoDB answers from an index are sent to the store directly. If their times grow too, the
store is the reason. Exits with 1 if the server's own time for an interface is then over 1.5 times as long.

With --heavy, it prints how many documents each request examines that reads: of a million digs, by people with
20,000 digs and 10,000 treasures, in the MongoDB of MONGODB_URI; of less, by the same people, in an embedded
store. Exits with 1 if a request examines more than 20 documents for each that it returns, and 200.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

import httpx
from pymongo import MongoClient

from parts.serving import Person, Server, running
from server.running.stores import EmbeddedMongoDB
from server.store.digging.digs import stored
from support.wire.messages import command_of, is_command
from support.wire.proxy import Link, Wire

ROOT = Path(__file__).parents[1]
MOST = 1.5
NOISE_MS = 2.0
IDLE_SECONDS = 6.0
FIRST_TASKS = 300
BATCH = 2_000
PEOPLE = 5_000
RUNNING_TASKS = 300
DAY_MS = 86_400_000
# One active person published this many tasks, and dug as many.
OWN_TASKS = 200
OPERATOR = "only this bench knows it"


class Asking:
    """The requests, one for each interface. Each of them needs the store."""

    def __init__(self, server: Server, publisher: Person, digger: Person) -> None:
        self.http = server.http
        self.digger = digger
        self.publish: Callable[[], str] = lambda: server.publish(publisher, 0)
        self.dig: Callable[[str], int] = lambda code: server.dig(digger, code)
        self.dug = self.publish()
        self.known: list[str] = []

    def cold(self) -> str:
        """Return a task that no page has asked for yet."""
        return self.known.pop() if self.known else self.publish()

    def of_cold(self, path: str, **query: Any) -> None:
        self.get(path, code=self.cold(), **query)()

    def get(self, path: str, **query: Any) -> Callable[[], None]:
        headers = {"Authorization": f"Bearer {self.digger.token}"}

        def ask() -> None:
            asked = {"unionid": self.digger.unionid, **query}
            reply = self.http.get(path, params=asked, headers=headers)
            assert reply.json()["status"] == 0, reply.text

        return ask

    def search(self) -> None:
        reply = self.http.post("/ops/search", json={"query": "一只"})
        assert reply.json()["status"] == 0, reply.text

    def interfaces(self) -> Iterator[tuple[str, float, Callable[[], object]]]:
        """Yield each request, with the seconds to wait before repeating it, so that no reply comes from a
        cache."""
        yield "getTaskList", 1.05, self.get("/getTaskList")
        yield "getTaskList, page 1,000", 1.05, self.get("/getTaskList", page=1000)
        yield "getTaskDetails, a task not in memory", 0, lambda: self.of_cold("/getTaskDetails")
        yield "getTaskUser, a task not in memory", 0, lambda: self.of_cold("/getTaskUser", page=1)
        yield "getMyInfo", 0, self.get("/getMyInfo")
        yield "getMyRelease, page 1", 0, self.get("/getMyRelease", page=1)
        yield "getMyPartake, page 1", 0, self.get("/getMyPartake", page=1)
        yield "getMyPrize, page 1", 0, self.get("/getMyPrize", page=1)
        yield "postTask: a dig", 0, lambda: self.dig(self.dug)
        yield "operators: search", 0, self.search
        yield "operators: a task's page", 0, lambda: self.of_cold("/ops/task")

    def times(self, wire: Noting, rounds: int) -> dict[str, Taken]:
        wire.learn_what_is_polled()
        found = {}
        for name, rest_seconds, ask in self.interfaces():
            values = []
            for _ in range(rounds):
                time.sleep(rest_seconds)
                cold_too = self.known or not name.endswith(("memory", "page"))
                if not cold_too:
                    self.known.append(self.publish())
                began = time.perf_counter()
                ask()
                values.append(wire.taken(began, time.perf_counter()))
            found[name] = median(values)
        return found


class Taken(NamedTuple):
    """The milliseconds of a request: in all, in the store, in the server's process, and of each command."""

    total: float
    store: float
    ours: float
    commands: dict[str, float]


def median(values: list[Taken]) -> Taken:
    commands: dict[str, list[float]] = defaultdict(list)
    for value in values:
        for command, spent_ms in value.commands.items():
            commands[command].append(spent_ms)
    # Commands seen in less than half of the rounds belong to earlier requests.
    own = {name: each for name, each in commands.items() if 2 * len(each) > len(values)}
    return Taken(
        statistics.median(value.total for value in values),
        statistics.median(value.store for value in values),
        statistics.median(value.ours for value in values),
        {name: statistics.median(each) for name, each in own.items()},
    )


class Noting(Wire):
    """Records when the store received and answered each command."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._seen: list[tuple[float, float, str]] = []
        self._polled: set[str] = set()

    def exchange(self, link: Link, request: bytes) -> None:
        began = time.perf_counter()
        reply = link.forward(request)
        if is_command(request):
            self._seen.append((began, time.perf_counter(), shape_of(command_of(request))))
        while reply is not None:
            link.answer(reply)
            reply = None  # do not stream further replies to the driver

    def learn_what_is_polled(self) -> None:
        """Learn which commands the server sends without a request."""
        self._seen.clear()
        time.sleep(IDLE_SECONDS)
        self._polled |= {shape for _, _, shape in self._seen}

    def taken(self, began: float, ended: float) -> Taken:
        """Return how the time was spent between the sending of a request and its answer."""
        own = sorted(
            (max(since, began), min(until, ended), shape)
            for since, until, shape in self._seen
            if shape not in self._polled and until > began and since < ended
        )
        self._seen.clear()
        spent = 0.0
        up_to = began
        commands = dict[str, float]()
        for since, until, shape in own:
            spent += max(0.0, until - max(since, up_to))
            up_to = max(up_to, until)
            commands[shape] = commands.get(shape, 0.0) + (until - since) * 1000
        total = ended - began
        return Taken(total * 1000, spent * 1000, (total - spent) * 1000, commands)


def shape_of(command: dict[str, Any]) -> str:
    """Return a command without its values."""
    name, target = next(iter(command.items()))
    batches = [*command.get("updates", ()), *command.get("deletes", ())]
    stages = [stage["$match"] for stage in command.get("pipeline", ()) if "$match" in stage]
    asked = command.get("filter") or command.get("query") or (batches[0]["q"] if batches else None)
    fields = asked or (stages[0] if stages else {})
    return f"{name} {target}({', '.join(sorted(fields))})"


def store_times_ms(database: Any, code: str, rounds: int) -> dict[str, float]:
    """Return how long the store alone takes for each command that MongoDB answers from an index."""
    one = {"_id": code}
    inside = {"_id": {"$gte": code, "$lt": code + "~"}}
    other = {"$unionWith": {"coll": "tasks", "pipeline": [{"$match": one}]}}
    commands: dict[str, Callable[[], Any]] = {
        "find, one _id": lambda: database.tasks.find_one(one),
        "find, a range of _id": lambda: database.tasks.find_one(inside),
        "findAndModify, one _id": lambda: database.tasks.find_one_and_update(one, {"$set": {"hidden": 0}}),
        "$unionWith, one _id": lambda: list(database.gauges.aggregate([{"$match": one}, other])),
    }
    found = {}
    for name, command in commands.items():
        values = []
        for _ in range(rounds):
            began = time.perf_counter()
            command()
            values.append((time.perf_counter() - began) * 1000)
        found[name] = statistics.median(values)
    return found


def fill(database: Any, asking: Asking, tasks: int, digs: int, own_tasks: int = 0) -> float:
    """Write this many tasks and digs, as if people had dug for months; return the seconds it took."""
    began = time.monotonic()
    chance = random.Random(tasks)
    now_ms = int(time.time() * 1000)
    task = database.tasks.find_one({"_id": asking.dug})
    made = database.digs.find_one({"code": asking.dug})
    codes = [f"{chance.getrandbits(60):015x}"[:12] for _ in range(tasks)]
    each = digs // tasks
    deep = []
    for at in range(0, tasks, BATCH):
        documents = []
        for number, code in enumerate(codes[at : at + BATCH], at):
            runs = number < RUNNING_TASKS
            opened_at = now_ms - (0 if runs else 8 * DAY_MS) - number * 80_000
            fields = {"_id": code, "now_depth": each, "participants": each, "opened_at": opened_at}
            fields |= {"created_at": opened_at, "publisher": f"person{number % PEOPLE}"}
            if number < own_tasks:
                fields["publisher"] = asking.digger.id
            ended = {"status": 1, "ended_at": opened_at + DAY_MS, "end_reason": "expired"}
            document = {**task, **fields, **({} if runs else ended)}
            for name in ("last_dig", "due_at", "pending"):
                document.pop(name, None)
            documents.append(document)
        database.tasks.insert_many(documents, ordered=False)
    for number, code in enumerate(codes):
        for depth in range(1, each + 1):
            own = depth == 1 and number < own_tasks
            fields = {"_id": f"{code}:{depth}", "code": code, "depth": depth, "n": depth, "no": depth}
            fields["person_id"] = asking.digger.id if own else f"person{(number * 7 + depth) % PEOPLE}"
            fields |= {"dig_id": "", "at": now_ms - number, "is_prize": int(depth == 1 and number % 5 == 0)}
            deep.append(stored({**made, **fields}))  # type: ignore[typeddict-item]
        if len(deep) >= BATCH:
            database.digs.insert_many(deep, ordered=False)
            deep = []
    if deep:
        database.digs.insert_many(deep, ordered=False)
    asking.known = codes[-2_000:]
    return time.monotonic() - began


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--tasks", type=int, default=100_000)
    arguments.add_argument("--digs", type=int, default=2_000_000)
    arguments.add_argument("--rounds", type=int, default=21)
    arguments.add_argument("--heavy", action="store_true")
    asked = arguments.parse_args()
    if asked.heavy:
        return examined()
    with tempfile.TemporaryDirectory() as directory:
        store = EmbeddedMongoDB(Path(directory))
        store.start()
        wire = Noting("127.0.0.1", store.port)
        wire.start()
        options = "directConnection=true&retryWrites=false"
        uri = f"mongodb://127.0.0.1:{wire.port}/wabao?{options}&serverMonitoringMode=poll"
        release = [sys.executable, "-m", "server", "release", "--unchecked"]
        subprocess.run(release, env=os.environ | {"MONGODB_URI": uri}, check=True, capture_output=True)
        try:
            with running(OPS_TOKEN=OPERATOR, MONGODB_URI=uri) as server:
                return measure(server, wire, f"mongodb://127.0.0.1:{store.port}/wabao?{options}", asked)
        finally:
            wire.end()
            store.kill()


def examined() -> int:
    """Run the test that counts what requests examine, with its large database; print its counts."""
    test = ["-n", "0", "--timeout", "0", "--log-cli-level", "INFO", "tests/handlers/test_growing_reads.py"]
    command = [sys.executable, "-m", "pytest", *test]
    large = os.environ | {"GROWN": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=large, stdout=subprocess.PIPE, text=True) as counting:
        assert counting.stdout is not None
        for line in counting.stdout:
            row = line.partition("examined: ")[2]
            if row or line.startswith("E  "):
                print(row or line, end="", flush=True)
    return counting.returncode


def measure(server: Server, wire: Noting, uri: str, asked: argparse.Namespace) -> int:
    publisher = server.log_in("publisher")
    digger = server.log_in("digger")
    server.http.timeout = httpx.Timeout(60)
    logged_in = server.http.post("/ops/login", json={"name": "bench", "token": OPERATOR})
    assert logged_in.json()["status"] == 0, logged_in.text
    asking = Asking(server, publisher, digger)
    server.dig(digger, asking.dug)
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        # Enough for full pages: they cost more to send than empty pages.
        fill(database, asking, FIRST_TASKS, FIRST_TASKS * asked.digs // asked.tasks, OWN_TASKS)
        before = asking.times(wire, asked.rounds)
        alone = store_times_ms(database, asking.dug, asked.rounds)
        seconds = fill(database, asking, asked.tasks, asked.digs)
        print(f"{asked.tasks:,} tasks, {asked.digs:,} digs in {seconds:.0f} s, {os.cpu_count()} cores")
        after = asking.times(wire, asked.rounds)
        filled = store_times_ms(database, asking.dug, asked.rounds)
    return show(before, after) | show_store(alone, filled, asked.rounds)


def show(before: dict[str, Taken], after: dict[str, Taken]) -> int:
    """Print a row for each interface; return 1 if the server's own time for one of them grew too much."""
    head = f"{'ms: empty, filled':<36}{'in all':>16}{'ratio':>7}{'store':>16}{'ours':>14}"
    print(f"{head}  the command that grew")
    missed = 0
    for name, empty in before.items():
        full = after[name]
        grew = max(
            full.commands, key=lambda shape: full.commands[shape] - empty.commands.get(shape, 0.0), default=""
        )
        more = full.ours > MOST * empty.ours and full.ours - empty.ours > NOISE_MS
        missed |= more
        print(
            f"{name:<36}{empty.total:>8.1f}{full.total:>8.1f}{full.total / empty.total:>7.2f}"
            f"{empty.store:>8.1f}{full.store:>8.1f}{empty.ours:>7.1f}{full.ours:>7.1f}"
            f"  {'OURS ' if more else ''}{grew}"
        )
    return int(missed)


def show_store(empty: dict[str, float], filled: dict[str, float], rounds: int) -> int:
    print(f"{'the store alone, median of ' + str(rounds):<44}{'empty':>10}{'filled':>10}{'ratio':>8}")
    for name, ms in empty.items():
        print(f"{name:<44}{ms:>7.1f} ms{filled[name]:>7.1f} ms{filled[name] / ms:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
