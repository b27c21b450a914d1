"""How long an operator's search takes among 100,000 people and 20,000 treasures, on the embedded store.

    python bench/search.py [--people 100000] [--tasks 20000] [--rounds 5]

Prints the slowest of the rounds for each kind of search. Exits with 1 if one takes longer than 300 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pymongo import MongoClient

from server.running.stores import EmbeddedMongoDB
from server.store import Store
from server.store.digging.terms import terms_of
from server.store.schema import prepare

MOST_MS = 300.0
BATCH = 5_000
SIGNS = "一二三四五六七八九十天地人和春夏秋冬东南西北红黄蓝绿山水花鸟小大老阿明强芳丽伟静敏磊洋勇艳杰娟涛"
LIMIT = 50


def fill(uri: str, people: int, tasks: int) -> None:
    """Write people and treasures with random names; one of each has a name that no other has."""
    database, drawn = MongoClient(uri).get_default_database("wabao"), random.Random(1)

    def name(number: int, characters: int) -> str:
        return "独一无二的" if number == 7 else "".join(drawn.choices(SIGNS, k=characters))

    for first in range(0, people, BATCH):
        named = [(n, name(n, 4)) for n in range(first, min(first + BATCH, people))]
        database.people.insert_many(
            {"_id": f"p{n}", "openid": f"o{n}", "nickName": each, "terms": terms_of(each, ""),
             "public_id": f"{n:016}", "created_at": n}
            for n, each in named
        )  # fmt: skip
    for first in range(0, tasks, BATCH):
        named = [(n, name(n, 8)) for n in range(first, min(first + BATCH, tasks))]
        database.tasks.insert_many(
            {"_id": f"{n:012}", "name": each, "wxname": "小明", "terms": terms_of(each, "小明"),
             "created_at": n, "commitment": f"{n}"}
            for n, each in named
        )  # fmt: skip


async def measure(store: Store, rounds: int) -> bool:
    """Print how long each search takes; return whether none takes too long."""
    good = True
    texts = {"two characters": "小明", "four, rare": "独一无二", "nothing": "没有这个"}
    asked: dict[str, Callable[[], Awaitable[object]]] = {}
    for what, text in texts.items():
        asked[f"people, {what}"] = partial(store.people.search, text, LIMIT)
        asked[f"treasures, {what}"] = partial(store.tasks.search, text, LIMIT)
    asked["a person's number"] = partial(store.people.with_public_id, "0" * 16)
    for what, ask in asked.items():
        slowest = 0.0
        for _ in range(rounds):
            began = time.perf_counter()
            await ask()
            slowest = max(slowest, (time.perf_counter() - began) * 1000)
        good &= slowest <= MOST_MS
        print(f"{what:30}{slowest:10.1f} ms", flush=True)
    return good


async def run(uri: str, options: argparse.Namespace) -> bool:
    """Prepare the store, fill it and measure."""
    store = Store(uri, limited=False)
    await prepare(store.database, store.indexes(), print)
    await asyncio.to_thread(fill, uri, options.people, options.tasks)
    return await measure(store, options.rounds)


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        embedded = EmbeddedMongoDB(Path(directory))
        embedded.start()
        try:
            return 0 if asyncio.run(run(embedded.uri, options)) else 1
        finally:
            embedded.stop()


if __name__ == "__main__":
    sys.exit(main())
