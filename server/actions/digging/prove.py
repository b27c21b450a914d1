"""The proof of an ended task's draw, read from its history a page at a time."""

import asyncio
import time

from server.context import Context
from server.errors import NotEnded
from server.game import draw
from server.game.dig import Dig
from server.game.task import Task
from server.store import Store

DIGS_A_PAGE = 500
# Digs per query. After each query, the store is left to others for REST_TIMES times as long as the query
# took: a proof may wait, a dig may not.
DIGS_A_READ = 50
REST_TIMES = 4


class BrokenHistory(Exception):
    """An ended task's history lacks a dig, so its draw cannot be proved."""


async def prove(context: Context, code: str, page: int) -> draw.Proof:
    """Return an ended task's proof with one page of its digs; the first page is number 1.

    Raises NoSuchTask, NotEnded, BrokenHistory.
    """
    store = context.store
    task = await store.tasks.get(code)
    if not task["status"]:
        raise NotEnded  # its seed must stay secret
    depths = range(1, task["now_depth"] + 1)[(page - 1) * DIGS_A_PAGE : page * DIGS_A_PAGE]
    digs = await _outcomes(store, code, depths)
    if len(digs) < len(depths) and "last_dig" in task and task["last_dig"]["depth"] == depths[-1]:
        digs.append(task["last_dig"])  # the history may lack the newest dig
    if [dig["depth"] for dig in digs] != [*depths]:
        raise BrokenHistory(f"task {code} lacks digs between {depths[0]} and {depths[-1]}")
    seed = context.keys.open("seed", await store.tasks.seed_box(code), code)
    return await asyncio.to_thread(_proof_of, task, seed, digs)


def _proof_of(task: Task, seed: bytes, digs: list[Dig]) -> draw.Proof:
    rules = draw.read_rules(task["params"])
    rows = [
        # A dig that was made before digs brought up finds has none in its record.
        draw.ProvedDig(
            dig["depth"], dig["is_prize"], dig.get("find") or draw.find_at(seed, rules, dig["depth"])
        )
        for dig in digs
    ]
    return draw.make_proof(seed, task["params"], task["commitment"], task["now_depth"], rows)


async def _outcomes(store: Store, code: str, depths: range) -> list[Dig]:
    digs: list[Dig] = []
    for first in depths[::DIGS_A_READ]:
        began = time.monotonic()
        digs += await store.digs.outcomes(code, first, min(first + DIGS_A_READ - 1, depths[-1]))
        await asyncio.sleep(REST_TIMES * (time.monotonic() - began))
    return digs
