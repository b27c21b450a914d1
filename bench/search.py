"""How long an operator's search takes among 100,000 people and 20,000 treasures, on the embedded store.

    python bench/search.py [--people 100000] [--tasks 20000] [--rounds 5]

People and treasures are spread evenly over a year. Each treasure was won, paid and sent. Prints the slowest
round for each kind of search and for a timeline of 500 entries. Exits with 1 if a search takes longer than
300 ms or the timeline longer than 1 s.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from pymongo import MongoClient

from server.cash.store import Books
from server.game import draw
from server.operation.timeline import PAGE, of_task
from server.running.stores import EmbeddedMongoDB
from server.store import Store
from server.store.digging.terms import terms_of
from server.store.schema import prepare

MOST_MS = 300.0
TIMELINE_MS = 1000.0
BATCH = 5_000
YEAR_MS = 365 * 86_400_000
BEGAN_MS = int(time.time() * 1000) - YEAR_MS
SIGNS = "一二三四五六七八九十天地人和春夏秋冬东南西北红黄蓝绿山水花鸟小大老阿明强芳丽伟静敏磊洋勇艳杰娟涛"
LIMIT = 50
STORY = "story0000000"
RULES = draw.Rules(code=STORY, fluctuation=0, forecast_num=1, interval=1, max_depth=50, prize_num=50)


def fill(uri: str, people: int, tasks: int) -> None:
    """Write people and treasures with random names; one person and one treasure have a unique name."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    database = client.get_default_database("wabao")
    drawn = random.Random(1)

    def name(number: int, characters: int) -> str:
        return "独一无二的" if number == 7 else "".join(drawn.choices(SIGNS, k=characters))

    for first in range(0, people, BATCH):
        named = [(n, name(n, 4)) for n in range(first, min(first + BATCH, people))]
        database.people.insert_many(
            {"_id": f"p{n}", "openid": f"o{n}", "nickName": each, "terms": terms_of(each, ""),
             "unionid": f"u{n}", "created_at": BEGAN_MS + n * YEAR_MS // people}
            for n, each in named
        )  # fmt: skip
    for first in range(0, tasks, BATCH):
        named = [(n, name(n, 8)) for n in range(first, min(first + BATCH, tasks))]
        database.tasks.insert_many(
            {"_id": f"{n:012}", "name": each, "wxname": "小明", "terms": terms_of(each, "小明"),
             "opened_at": BEGAN_MS + n * YEAR_MS // tasks, "status": n % 2, "commitment": f"{n}"}
            for n, each in named
        )  # fmt: skip
        database.prizes.insert_many(
            {"_id": f"{n:012}:1", "code": f"{n:012}", "depth": 1, "person_id": f"p{n}", "publisher": "p0",
             "state": "sent", "number": f"SF{n}", "phone_hash": f"{n:032x}", "won_at": n}
            for n, _ in named
        )  # fmt: skip
        database.orders.insert_many(
            {"_id": f"order{n}", "transaction_id": f"42{n:026}", "code": f"{n:012}", "publisher": "p0"}
            for n, _ in named
        )
    fill_timeline(database)


def fill_timeline(database: Any) -> None:
    """Write a treasure that has 500 entries in its timeline: prizes and bills with their moves, and acts of
    operators."""
    task = {"_id": STORY, "name": "故事", "publisher": "p0", "money": 2, "prize_num": 50,
            "params": draw.encode_rules(RULES), "created_at": 1, "opened_at": 2, "ended_at": 3,
            "end_reason": "prizes_gone"}  # fmt: skip
    database.tasks.insert_one(task)
    for n in range(1, 51):
        about = {"code": STORY, "depth": n, "person_id": f"p{n}"}
        database.prizes.insert_one(
            {"_id": f"{STORY}:{n}", **about, "publisher": "p0", "wxname": f"{n}", "amount_fen": 200,
             "state": "given", "won_at": n, "history": [{"move": "claimed", "at": n, "by": "person"}]}
        )  # fmt: skip
        database.bills.insert_one(
            {"_id": f"b{n}", "code": STORY, "prize": f"{STORY}:{n}", "amount_fen": 200, "alarm": "",
             "fail_reason": "", "state": "given", "created_at": n,
             "history": [{"move": move, "at": n, "by": "wechat"} for move in ("confirmable", "given")]}
        )  # fmt: skip
        database.digs.insert_one(
            {"_id": f"{STORY}:{n}", **about, "wxname": f"{n}", "is_prize": 1, "no": n, "n": n, "at": n,
             "won_by": f"{STORY}:p{n}", "made_as": f"{STORY}:p{n}:"}
        )  # fmt: skip
    for n in range(250):
        database.audit_log.insert_one(
            {"at": n, "operator": "小林", "act": "hide", "target": STORY, "reason": "", "outcome": "done",
             "shared": 0, "code": STORY}
        )  # fmt: skip


async def measure(store: Store, rounds: int) -> bool:
    """Print how long each search takes; return whether all are fast enough."""
    good = True
    texts = {"two characters": "小明", "four, rare": "独一无二", "nothing": "没有这个"}
    asked: dict[str, Callable[[], Awaitable[object]]] = {}
    for what, text in texts.items():
        asked[f"people, {what}"] = partial(store.people.search, text, LIMIT, BEGAN_MS + YEAR_MS)
        asked[f"treasures, {what}"] = partial(store.task_lists.search, text, LIMIT, BEGAN_MS + YEAR_MS)
    asked["a person's number"] = partial(store.people.find, "0" * 11)
    asked["an order's number"] = partial(Books(store.database).orders.find_either, f"42{7:026}")
    asked["a number that nothing has"] = partial(Books(store.database).orders.find_either, "0" * 28)
    asked["a parcel's number"] = partial(store.prizes.found_by, "number", ["SF7"], LIMIT)
    asked["a phone"] = partial(store.prizes.found_by, "phone_hash", [f"{7:032x}", "0" * 32], LIMIT)
    for what, ask in asked.items():
        good &= await slowest(what, ask, rounds) <= MOST_MS

    async def story() -> None:
        task = await store.tasks.find(STORY)
        assert task is not None
        assert len((await of_task(store, task)).events[:PAGE]) == PAGE

    return await slowest("a timeline of 500 entries", story, rounds) <= TIMELINE_MS and good


async def slowest(what: str, ask: Callable[[], Awaitable[object]], rounds: int) -> float:
    """Print and return how long the slowest of some rounds took, in ms."""
    took_ms = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        took_ms = max(took_ms, (time.perf_counter() - began) * 1000)
    print(f"{what:30}{took_ms:10.1f} ms", flush=True)
    return took_ms


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
