"""The proof of an ended task's draw, read from its history a page at a time."""

from __future__ import annotations

import asyncio

from server.context import Context
from server.errors import NoSuchTask, NotEnded
from server.game import draw

# Some stores finish a query before they answer any other: 10,000 digs took 260 ms.
DIGS_A_PAGE = 1_000


class BrokenHistory(Exception):
    """An ended task's history lacks a dig, so its draw cannot be proved."""


async def prove(context: Context, code: str, page: int) -> draw.Proof:
    """Return an ended task's proof with one page of its digs; the first page is number 1.

    Raises NoSuchTask, NotEnded, BrokenHistory.
    """
    store = context.store
    task = await store.tasks.find(code)
    if task is None:
        raise NoSuchTask
    if not task["status"]:
        raise NotEnded  # its seed must stay secret
    depths = range(1, task["now_depth"] + 1)[(page - 1) * DIGS_A_PAGE : page * DIGS_A_PAGE]
    digs = await store.digs.outcomes(code, depths[0], depths[-1]) if depths else []
    if len(digs) < len(depths) and "last_dig" in task and task["last_dig"]["depth"] == depths[-1]:
        digs.append(dict(task["last_dig"]))  # the history may lack the newest
    if [dig["depth"] for dig in digs] != [*depths]:
        raise BrokenHistory(f"task {code} lacks digs between {depths[0]} and {depths[-1]}")
    seed = context.keys.open("seed", await store.tasks.seed_box(code), code)
    rows = [draw.ProvedDig(dig["depth"], dig["is_prize"]) for dig in digs]
    given = seed, task["params"], task["commitment"], task["now_depth"], rows
    return await asyncio.to_thread(draw.make_proof, *given)
