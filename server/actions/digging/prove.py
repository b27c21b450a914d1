"""Writing the proof of an ended task, once. Any process can go on with an unfinished one."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from server.context import Context
from server.errors import NoSuchTask, NotEnded, ProofNotReady
from server.game import proof
from server.game.task import Task
from server.store import is_unavailable
from server.store.digging.proofs import WrittenProof

# Digs per query. Some stores finish a query before they answer any other: 10,000 digs took 260 ms. After
# each, the store is left to others for REST_TIMES times as long.
DIGS_A_READ, REST_TIMES = 50, 4
# A request waits this long for its turn, then writes this long, before it is told to come again.
PATIENCE_SECONDS = 1.0
REQUEST_SECONDS = 2.0
# Well below the lease of a proof (`server/store/due.py`). The rest is leased again.
TURN_SECONDS = 20.0

log = logging.getLogger("wabao.proof")


class BrokenHistory(Exception):
    """An ended task's history lacks a dig. A proof is final, so none is written."""


async def ask_for_proof(context: Context, code: str) -> None:
    """Note that a task has ended and its proof is to be written. Safe to repeat."""
    await context.store.proofs.ask(code, context.clock.now_ms())


async def find_proof(context: Context, code: str) -> WrittenProof:
    """Return an ended task's proof. A missing one is written now if there is time before the reply.

    Reads digs only if the proof is missing. Raises NoSuchTask, NotEnded, ProofNotReady.
    """
    proofs = context.store.proofs
    found = await context.proofs.find(code)
    if found is not None:
        return found
    task = await context.store.tasks.find(code)
    if task is None:
        raise NoSuchTask
    if not task["status"]:
        raise NotEnded
    await ask_for_proof(context, code)
    # One at a time in this process: anybody can ask for many proofs that are not written yet.
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await context.proofs.turn.acquire()
    except TimeoutError:
        raise ProofNotReady from None
    try:
        if await proofs.lease(code):
            await write_proof(context, code, REQUEST_SECONDS)
        found = await context.proofs.find(code)
    finally:
        context.proofs.turn.release()
    if found is None:
        raise ProofNotReady
    return found


async def write_proofs(context: Context) -> None:
    """Write the proofs that are due. The leader runs this again and again, and leases each proof first."""
    async for record in context.store.proofs.lease_due(context.clock.now_ms):
        try:
            await write_proof(context, record["_id"], TURN_SECONDS)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("the proof of %s is not written, and is tried again", record["_id"])


async def write_proof(context: Context, code: str, seconds: float) -> None:
    """Go on with a leased proof for `seconds`; if that is not enough, it is due again at once.

    Each part is read, encoded and stored before the next begins. So memory does not grow with the digs, and
    others get their turn in between. Raises BrokenHistory.
    """
    store, until = context.store, time.monotonic() + seconds
    task = await store.tasks.find(code)
    if task is None or not task["status"]:
        raise BrokenHistory(f"task {code} has not ended")  # its seed must stay secret
    progress = await store.proofs.find_progress(code)
    parts = proof.part_count(task["now_depth"])
    while progress.parts < parts:
        if time.monotonic() > until:
            await store.proofs.release(code, context.clock.now_ms())
            return
        head = b"" if progress.parts else await _encode_head(context, task)
        digs = await _outcomes(context, task, progress.parts)
        last = progress.parts + 1 == parts
        data, after = await asyncio.to_thread(proof.pack_part, progress, head, digs, last=last)
        progress = await store.proofs.add_part(code, data, after)
    await store.proofs.complete(code, progress)


async def _encode_head(context: Context, task: Task) -> bytes:
    code = task["_id"]
    seed = context.keys.open("seed", await context.store.tasks.seed_box(code), code)
    return proof.encode_head(seed, task["params"], task["commitment"])


async def _outcomes(context: Context, task: Task, part: int) -> list[dict[str, Any]]:
    """Return the digs of a part. The newest may be only in the task."""
    first = part * proof.DIGS_A_PART + 1
    depths = range(first, min(first + proof.DIGS_A_PART, task["now_depth"] + 1))
    if not depths:
        return []
    digs: list[dict[str, Any]] = []
    for at in depths[::DIGS_A_READ]:
        began, up_to = time.monotonic(), min(at + DIGS_A_READ - 1, depths[-1])
        digs += await context.store.digs.outcomes(task["_id"], at, up_to)
        if up_to < depths[-1]:
            await asyncio.sleep(REST_TIMES * (time.monotonic() - began))
    if len(digs) < len(depths) and "last_dig" in task and task["last_dig"]["depth"] == depths[-1]:
        digs.append(dict(task["last_dig"]))
    if [dig["depth"] for dig in digs] != list(depths):
        raise BrokenHistory(f"task {task['_id']} lacks digs between {depths[0]} and {depths[-1]}")
    return digs
