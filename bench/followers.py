"""A publisher announces a treasure to 100,000 followers: does this delay other people's digs?

    python bench/followers.py [--followers 100000] [--willing 500]

Starts a server of its own (one process, embedded stores) and writes the followers into its store. Each
follower once allowed a message; some still allow one. Somebody digs another treasure five times a second:
first while nothing else happens, then during the ten minutes in which the followers get their messages.
Prints how long a dig took, and how long it took to tell all followers. Exits with 1 if the announcement more
than doubles a dig's p99, if a follower who allows a message gets none, or if a follower who allows none gets
one.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymongo

sys.path.insert(0, str(Path(__file__).parents[1]))

from parts.live import percentile
from parts.serving import MESSAGES, Person, Server, rss_kb, running, store_of
from parts.table import Row

CALM_DIGS = 60
PAUSE_SECONDS = 0.2
MOST_SECONDS = 2400.0
MOST_TIMES = 2.0
TEMPLATE = MESSAGES["MESSAGE_ANNOUNCED"].partition(" ")[0]

Database = Any


def follow(database: Database, publisher: str, followers: int, willing: int) -> None:
    """Write this many followers of a publisher; those who allow a message are spread evenly among them."""
    people = [f"follower{number:07}" for number in range(followers)]
    database.follows.insert_many(
        {"_id": f"{publisher}:{each}", "publisher": publisher, "follower": each, "at": 1, "n": n}
        for n, each in enumerate(people, 1)
    )
    database.people.update_one({"_id": publisher}, {"$set": {"followed": followers}})
    told = people[:: followers // willing]
    database.consents.insert_many(
        {"_id": f"{each}:{TEMPLATE}", "person_id": each, "left": left}
        for each, left in (dict.fromkeys(people, 0) | dict.fromkeys(told, 1)).items()
    )
    openids = [f"o{each:_>27}" for each in told]
    database.people.insert_many(
        {"_id": each, "openid": openid} for each, openid in zip(told, openids, strict=True)
    )
    database.sandbox_consents.insert_many({"_id": f"{openid}:{TEMPLATE}", "left": 1} for openid in openids)


def dig_while(server: Server, digger: Person, code: str, goes_on: Callable[[int], bool]) -> list[float]:
    """Dig again and again; return what each dig took, in milliseconds."""
    took: list[float] = []
    while goes_on(len(took)):
        began = time.perf_counter()
        server.dig(digger, code)
        took.append(1000 * (time.perf_counter() - began))
        time.sleep(PAUSE_SECONDS)
    return took


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--followers", type=int, default=100_000)
    arguments.add_argument("--willing", type=int, default=500)
    asked = arguments.parse_args()
    with running(1, None, **MESSAGES) as server:
        _, port = store_of(server)
        (worker,) = server.workers()
        publisher, other, digger = (server.log_in(f"user{number}") for number in range(3))
        dug = server.publish(other, 0)
        with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as client:
            database = client["wabao"]
            follow(database, publisher.id, asked.followers, asked.willing)
            dig_while(server, digger, dug, lambda digs: digs < CALM_DIGS // 4)  # warms up
            before = dig_while(server, digger, dug, lambda digs: digs < CALM_DIGS)
            before_kb = rss_kb(worker)
            began = time.perf_counter()
            announced = server.publish(publisher, 0)
            told = {"code": announced, "kind": "announced"}

            def is_told() -> bool:
                return database.messages.find_one(told | {"ended_at": 0}) is None

            late = began + MOST_SECONDS
            beside = dig_while(server, digger, dug, lambda _: not is_told() and time.perf_counter() < late)
            seconds = time.perf_counter() - began
            grown_kb = rss_kb(worker) - before_kb
            sent = database.messages.count_documents(
                told | {"after": {"$exists": False}, "state": "sent"}
            )
    rows = [
        Row("a dig before, p50", percentile(before, 50), "ms", note=f"{len(before)} digs"),
        Row("a dig before, p99", percentile(before, 99), "ms"),
        Row("a dig beside, p50", percentile(beside, 50), "ms", note=f"{len(beside)} digs"),
        Row("a dig beside, p99", percentile(beside, 99), "ms", MOST_TIMES * percentile(before, 99)),
        Row(f"until all {asked.followers} were told", seconds, "s", MOST_SECONDS),
        Row("messages that lack or are too many", abs(sent - asked.willing), "", 0, f"{sent} sent"),
        Row("memory grown", grown_kb / 1024, "MB"),
    ]
    print(*rows, sep="\n")
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
