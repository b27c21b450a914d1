"""How each interface's time grows with what the database holds.

    python bench/growth.py [--tasks 100000] [--digs 2000000] [--rounds 21]

Starts a server of its own: one serving process, embedded stores, an empty directory. Each interface is asked
while the database is nearly empty, and again after it was filled. Prints the median of each, and their ratio.
Then the same for commands that MongoDB answers from an index, sent to the store alone: where these grow too,
the store is the reason. Exits with 1 if an interface's ratio is more than 1.5.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from pymongo import MongoClient
from serving import Person, Server, running, store_of

from server.store.digs import stored

MOST = 1.5
BATCH = 2_000
PEOPLE = 5_000
RUNNING_TASKS = 300
DAY_MS = 86_400_000
# What a person has who digs a lot.
OWN_TASKS = 200
OPERATOR = "only this bench knows it"


class Asking:
    """The requests, one interface each; none is answered from the process's memory alone."""

    def __init__(self, server: Server, publisher: Person, digger: Person) -> None:
        self.http, self.digger = server.http, digger
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

    def interfaces(self) -> Iterator[tuple[str, float, Callable[[], None]]]:
        """Yield each with how long to wait before it is asked again, so that it is not remembered."""
        yield "getTaskList", 1.05, self.get("/getTaskList")
        yield "getTaskList, page 1,000", 1.05, self.get("/getTaskList", page=1000)
        yield "getTaskDetails, a task not in memory", 0, lambda: self.of_cold("/getTaskDetails")
        yield "getTaskUser, a task not in memory", 0, lambda: self.of_cold("/getTaskUser", page=1)
        yield "getMyInfo", 0, self.get("/getMyInfo")
        yield "getMyRelease, page 1", 0, self.get("/getMyRelease", page=1)
        yield "getMyPartake, page 1", 0, self.get("/getMyPartake", page=1)
        yield "getMyPrize, page 1", 0, self.get("/getMyPrize", page=1)
        yield "postTask: a dig", 0, lambda: self.dig(self.dug) and None
        yield "operators: search", 0, self.get("/ops/tasks", query="a")
        yield "operators: a task's page", 0, lambda: self.of_cold("/ops/task")
        yield "metrics", 0, lambda: self.http.get("/metrics") and None

    def times_ms(self, rounds: int) -> dict[str, float]:
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
                values.append((time.perf_counter() - began) * 1000)
            found[name] = statistics.median(values)
        return found


def store_times_ms(database: Any, code: str, rounds: int) -> dict[str, float]:
    """Return what the store takes for a command that MongoDB answers from an index, without the server."""
    one, inside = {"_id": code}, {"_id": {"$gte": code, "$lt": code + "~"}}
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
        found[f"the store alone: {name}"] = statistics.median(values)
    return found


def fill(database: Any, asking: Asking, tasks: int, digs: int) -> float:
    """Write that many tasks and digs, as if people had dug for months; return the seconds it took."""
    began, chance, now_ms = time.monotonic(), random.Random(1), int(time.time() * 1000)
    task = database.tasks.find_one({"_id": asking.dug})
    made = database.digs.find_one({"code": asking.dug})
    codes = [f"{chance.getrandbits(60):015x}"[:12] for _ in range(tasks)]
    each, deep = digs // tasks, []
    for at in range(0, tasks, BATCH):
        documents = []
        for number, code in enumerate(codes[at : at + BATCH], at):
            runs = number < RUNNING_TASKS
            opened_at = now_ms - (0 if runs else 8 * DAY_MS) - number * 80_000
            fields = {"_id": code, "now_depth": each, "participants": each, "opened_at": opened_at}
            fields |= {"created_at": opened_at, "publisher": f"person{number % PEOPLE}"}
            if number < OWN_TASKS:
                fields["publisher"] = asking.digger.unionid
            ended = {"status": 1, "ended_at": opened_at + DAY_MS, "end_reason": "expired"}
            document = {**task, **fields, **({} if runs else ended)}
            for name in ("last_dig", "due_at", "pending"):
                document.pop(name, None)
            documents.append(document)
        database.tasks.insert_many(documents, ordered=False)
    for number, code in enumerate(codes):
        for depth in range(1, each + 1):
            own = depth == 1 and number < OWN_TASKS
            fields = {"_id": f"{code}:{depth}", "code": code, "depth": depth, "n": depth, "no": depth}
            fields["unionid"] = asking.digger.unionid if own else f"person{(number * 7 + depth) % PEOPLE}"
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
    asked = arguments.parse_args()
    with running(OPS_TOKEN=OPERATOR) as server:
        publisher, digger = server.log_in("publisher"), server.log_in("digger")
        server.http.timeout = httpx.Timeout(60)
        logged_in = server.http.post("/ops/login", json={"name": "bench", "token": OPERATOR})
        assert logged_in.json()["status"] == 0, logged_in.text
        asking = Asking(server, publisher, digger)
        server.dig(digger, asking.dug)
        _, port = store_of(server)
        uri = f"mongodb://127.0.0.1:{port}/wabao?directConnection=true&retryWrites=false"
        with MongoClient[dict[str, Any]](uri) as client:
            database = client.get_default_database()
            before = asking.times_ms(asked.rounds) | store_times_ms(database, asking.dug, asked.rounds)
            seconds = fill(database, asking, asked.tasks, asked.digs)
            print(f"{asked.tasks:,} tasks, {asked.digs:,} digs in {seconds:.0f} s, {os.cpu_count()} cores")
            after = asking.times_ms(asked.rounds) | store_times_ms(database, asking.dug, asked.rounds)
    print(f"{'median of ' + str(asked.rounds):<44}{'empty':>10}{'filled':>10}{'ratio':>8}")
    missed = 0
    for name, before_ms in before.items():
        ratio = after[name] / before_ms
        missed += ratio > MOST and not name.startswith("the store alone")
        verdict = "more" if ratio > MOST else ""
        print(f"{name:<44}{before_ms:>7.1f} ms{after[name]:>7.1f} ms{ratio:>8.2f}  {verdict}".rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
