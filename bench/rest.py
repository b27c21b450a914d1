"""What a request costs the server, compared with bare handlers that make the same calls to MongoDB.

    python bench/rest.py [--rounds 7] [--requests 80] [--participants 50000]

Starts a server of its own: one serving process, embedded stores, an empty directory. `parts/bare.py` runs on
the same store, which has a task of 50,000 participants. Each round sends the same requests to both servers,
first one at a time, then eight. Only the CPU time of the serving process counts, with all its threads. Exits
with 1 if a bar is missed.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from parts.lines import Line, get, log_in_all, post
from parts.serving import Person, Server, cpu_us, running, running_bare, store_of
from server.game.dig import Dig
from server.store import Store
from server.store.digging.digs import stored

AT_ONCE = 8
MOST_BESIDE_BARE = 1.5
MOST_DEEP_PAGE = 1.2
INSERTED_AT_ONCE = 1000
# Page 1 of a watched task comes from memory; page 2 is the first page that is read from the store.
PAGE_2 = "getTaskUser, page 2"
PAGE_1000 = "getTaskUser, page 1,000"


@dataclass
class Asked:
    """One kind of request, and its CPU µs per request in each round.

    A round has `times` as many requests of this kind as of others: cheap requests would be lost in the noise.
    """

    request: bytes
    bare_request: bytes
    expected: bytes
    times: int = 1
    server_us: list[float] = field(default_factory=list)
    bare_us: list[float] = field(default_factory=list)
    store_us: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [ours / bare for ours, bare in zip(self.server_us, self.bare_us, strict=True)]


async def fill(store: Store, code: str, square: int, participants: int) -> None:
    """Give a task this many participants, and add `square` more tasks."""
    tasks = store.tasks.collection
    digs = store.digs.collection
    task = await tasks.find_one({"_id": code})
    made = await digs.find_one({"code": code})
    assert task is not None
    assert made is not None
    await tasks.insert_many([{**task, "_id": f"{number:012}"} for number in range(square)])
    for first in range(2, participants + 1, INSERTED_AT_ONCE):
        places = range(first, min(first + INSERTED_AT_ONCE, participants + 1))
        documents: list[Any] = []
        for n in places:
            dig: Dig = {**made, "_id": f"{code}:{n}", "depth": n, "n": n, "no": n, "participants": n}
            dig |= {"person_id": f"person{n}", "dig_id": f"dig{n}", "is_prize": 0}
            documents.append(stored(dig))
        await digs.insert_many(documents, ordered=False)
    await tasks.update_one({"_id": code}, {"$set": {"now_depth": participants, "participants": participants}})


async def rounds(
    kinds: dict[str, Asked],
    server: Server,
    bare_pid: int,
    bare_port: int,
    number: int,
    requests: int,
) -> None:
    (worker,) = server.workers()
    store_pid, _ = store_of(server)
    ours = [Line(server.port) for _ in range(AT_ONCE)]
    theirs = [Line(bare_port) for _ in range(AT_ONCE)]
    for line in (*ours, *theirs):
        await line.connect()
    for round_number in range(number + 1):  # the first round warms up
        for asked in kinds.values():
            count = requests * asked.times
            store_before = cpu_us(store_pid)
            server_us, latencies = await _cost(ours, asked.request, asked.expected, worker, count)
            store_us = (cpu_us(store_pid) - store_before) / (2 * count)
            bare_us, _ = await _cost(theirs, asked.bare_request, b'"status":0', bare_pid, count)
            if round_number:
                asked.server_us.append(server_us)
                asked.bare_us.append(bare_us)
                asked.store_us.append(store_us)
                asked.latency_ms += latencies
    for line in (*ours, *theirs):
        line.close()


async def _cost(
    lines: list[Line], request: bytes, expected: bytes, pid: int, requests: int
) -> tuple[float, list[float]]:
    """Return the CPU µs per request, and the milliseconds of each request that was sent alone."""
    latencies = []

    async def ask(line: Line, times: int) -> None:
        for _ in range(times):
            line.send(request)
            body = await line.body()
            assert expected in body, body[:500]

    before = cpu_us(pid)
    for _ in range(requests):
        began = time.perf_counter()
        await ask(lines[0], 1)
        latencies.append((time.perf_counter() - began) * 1000)
    each, rest = divmod(requests, len(lines))
    await asyncio.gather(*(ask(line, each + (index < rest)) for index, line in enumerate(lines)))
    return (cpu_us(pid) - before) / (2 * requests), latencies


async def measure(server: Server, asked: argparse.Namespace) -> bool:
    _, store_port = store_of(server)
    uri = f"mongodb://127.0.0.1:{store_port}/wabao?directConnection=true&retryWrites=false"
    store = Store(uri)
    publisher, digger, person = log_in_all(server.port, 3)
    code = server.publish(publisher, 0)
    cooling = server.publish(publisher, 3600)
    server.dig(digger, code)
    server.dig(digger, cooling)
    await fill(store, code, 40, asked.participants)
    kinds = _kinds(person, publisher, code, cooling)
    try:
        with running_bare(server.log.parent, uri) as bare:
            await rounds(kinds, server, *bare, asked.rounds, asked.requests)
    finally:
        await store.close()
    return show(kinds, asked)


def _kinds(person: Person, publisher: Person, code: str, cooling: str) -> dict[str, Asked]:
    def read(path: str) -> Asked:
        request = get(f"{path}&unionid={person.unionid}", person.token)
        return Asked(request, request, b'"status":0')

    def dig(who: Person, code: str, bare_path: str, error: bytes, times: int = 1) -> Asked:
        asked = {"unionid": who.unionid, "code": code}
        return Asked(post("/postTask", asked, who.token), post(bare_path, asked, who.token), error, times)

    return {
        "getTaskList": read("/getTaskList?page=1"),
        "getTaskDetails": read(f"/getTaskDetails?code={code}"),
        "getTaskUser, page 1": read(f"/getTaskUser?code={code}&page=1"),
        PAGE_2: read(f"/getTaskUser?code={code}&page=2"),
        PAGE_1000: read(f"/getTaskUser?code={code}&page=1000"),
        "a dig refused from memory": dig(person, cooling, "/postTask", b"cooling_down", times=10),
        "a dig refused after a read": dig(publisher, code, "/postTask?read=1", b"own_task"),
    }


def show(kinds: dict[str, Asked], asked: argparse.Namespace) -> bool:
    """Print the table; return whether all bars are met."""
    print(
        f"{asked.participants} participants, {asked.rounds} rounds of 2 × {asked.requests} requests "
        f"(one by one, then {AT_ONCE} at a time; "
        f"from memory ten times as many), {os.cpu_count()} cores for everything\n"
    )
    print("CPU µs a request: median (least to most of a round)")
    print(f"{'':<28}{'server':>22}{'bare handler':>22}{'ratio':>22}{'store':>8}{'p50 ms':>8}")
    missed = []
    for name, kind in kinds.items():
        ratio = statistics.median(kind.ratios)
        if ratio > MOST_BESIDE_BARE:
            missed.append(f"{name} costs {ratio:.2f} × the bare handler, the bar is {MOST_BESIDE_BARE}")
        print(
            f"{name:<28}{_spread(kind.server_us, 0):>22}{_spread(kind.bare_us, 0):>22}"
            f"{_spread(kind.ratios, 2):>22}{statistics.median(kind.store_us):>8.0f}"
            f"{statistics.median(kind.latency_ms):>8.1f}"
        )
    deep = [
        page_1000 / page_2
        for page_1000, page_2 in zip(kinds[PAGE_1000].server_us, kinds[PAGE_2].server_us, strict=True)
    ]
    print(f"\npage 1,000 costs {_spread(deep, 2)} × page 2")
    if statistics.median(deep) > MOST_DEEP_PAGE:
        missed.append(f"page 1,000 costs more than {MOST_DEEP_PAGE} × page 2")
    print("\n".join(missed) or "all bars are met")
    return not missed


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--requests", type=int, default=80)
    arguments.add_argument("--participants", type=int, default=50_000)
    asked = arguments.parse_args()
    with running(workers=1) as server:
        return 0 if asyncio.run(measure(server, asked)) else 1


if __name__ == "__main__":
    sys.exit(main())
