"""How many commands a second a MongoDB carries, in the mix of digs, from many connections at once."""

import multiprocessing
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pymongo import MongoClient, WriteConcern
from pymongo.read_concern import ReadConcern

THREADS = 24  # of a process: Python runs one of them at a time, while the others wait for MongoDB
SECONDS = 6.0
DIGS_AT_ONCE = 16  # the time is looked at after so many
COMMANDS_A_DIG = 3


def commands_a_second(uri: str) -> float:
    """Return how many commands a second this MongoDB carried: reads, updates and inserts, majority all.

    Uses a database of its own, and drops it. One process for each core of this machine asks: on a machine
    with too few cores, more than what MongoDB carries is not seen.
    """
    name = f"wabao_capacity_{secrets.token_hex(4)}"
    with MongoClient[dict[str, object]](uri) as client:
        try:
            with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
                rates = pool.map(partial(_of_a_process, uri, name), range(os.cpu_count() or 1))
        finally:
            client.drop_database(name)
    return sum(rates)


def _of_a_process(uri: str, name: str, number: int) -> float:
    client = MongoClient[dict[str, object]](uri, maxPoolSize=THREADS)
    database = client.get_database(
        name, write_concern=WriteConcern("majority"), read_concern=ReadConcern("majority")
    )

    def dig(thread: int) -> float:
        code = f"{number}-{thread}"
        database["tasks"].insert_one({"_id": code, "now_depth": 0})
        began = time.perf_counter()
        depth = 0
        while time.perf_counter() < began + SECONDS:
            for _ in range(DIGS_AT_ONCE):
                database["tasks"].find_one({"_id": code})
                made = database["tasks"].update_one(
                    {"_id": code, "now_depth": depth}, {"$inc": {"now_depth": 1}}
                )
                assert made.modified_count == 1
                depth += 1
                database["digs"].insert_one({"_id": f"{code}:{depth}", "code": code, "depth": depth})
        return COMMANDS_A_DIG * depth / (time.perf_counter() - began)

    with client, ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(dig, range(THREADS)))
