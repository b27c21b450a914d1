"""The work that operators start on their screen and that the leader then does: a rotation, a release, a
person's erasure.

Asking writes the audit log, then the run. The leader looks for runs, does each `alone`, and notes what became
of it in the log, then in the run. Whatever a run does may be cut off at any point and done again. So if its
process is killed, the next leader does the run once the lease has ended.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

from server.actions.alone import Busy, alone, erasure_of
from server.actions.people.erase import CannotErase, erase
from server.actions.people.whom import Whom, find_person, key_of
from server.actions.rotate import CannotRotate, await_servers, number_under_others, rotate
from server.context import Context
from server.errors import BadRequest, BadSettings
from server.runtime.background import Background
from server.store import Store, is_unavailable
from server.store.audit_log import Actor
from server.store.runs import Outcome, Run, What
from server.store.schema import prepare

LOOK_SECONDS = 1.0
ERASURE_STEPS = 4
SAID_LINES = 8
UNDER_WAY = "已经在进行，请等它结束"

log = logging.getLogger("wabao.runs")


async def ask_run(context: Context, actor: Actor, what: What, reason: str) -> None:
    """Let the leader rotate or release. Raises BadRequest if that is asked for already."""
    if any(run["what"] == what for run in await context.store.runs.unfinished()):
        raise BadRequest(UNDER_WAY)
    await _ask(context, actor, what, reason, context.keys.fingerprint if what == "rotate" else "")


async def ask_erasure(context: Context, actor: Actor, whom: Whom, reason: str) -> None:
    """Let the leader erase a person. Raises NoSuchTask; BadRequest if the person is erased already, or is
    about to be.

    The log keeps the pseudonym: the person's id must be nowhere afterwards.
    """
    person = await find_person(context, whom)
    if any(run.get("unionid") == person["_id"] for run in await context.store.runs.unfinished()):
        raise BadRequest(UNDER_WAY)
    await _ask(context, actor, "forget", reason, key_of(person), person["_id"])


async def _ask(
    context: Context, actor: Actor, what: What, reason: str, target: str, unionid: str = ""
) -> None:
    store, now_ms = context.store, context.clock.now_ms()
    run = Run(
        _id=secrets.token_hex(12),
        what=what,
        act=await store.audit_log.begin(now_ms, actor, f"run_{what}", target, reason),
        at=now_ms,
        operator=actor.name,
        reason=reason,
        target=target,
        done=0,
        total=0,
        said=[],
        open=1,
    )
    if unionid:
        run["unionid"] = unionid
    if not await store.runs.insert(run):  # somebody else asked at the same moment
        await store.audit_log.conclude(run["act"], BadRequest.error)
        raise BadRequest(UNDER_WAY)


async def do_runs(context: Context) -> None:
    """Do all runs that have not ended, side by side; return once there are none. For the leader."""
    doing, begun = Background(), dict[str, asyncio.Task[None]]()
    try:
        while runs := await context.store.runs.unfinished():
            for run in runs:
                key = run["_id"]
                if key not in begun or begun[key].done():
                    begun[key] = doing.spawn(_do(context, run))
            await asyncio.sleep(LOOK_SECONDS)  # a run that failed at once must not be retried at once
        if begun:
            await asyncio.wait(begun.values())  # each releases its lease
    finally:
        await doing.end()


async def _do(context: Context, run: Run) -> None:
    """Do a run. If another process does it, return: the run is looked at again later."""
    store, telling = context.store, Background()
    lease = erasure_of(run["unionid"]) if run["what"] == "forget" else run["what"]
    run["done"], run["total"], run["said"] = 0, 0, []  # an earlier try may have come further
    try:
        async with alone(store, lease):
            if await store.runs.find_unfinished(run["_id"]) is None:
                return
            telling.repeat(lambda: store.runs.tell(run), LOOK_SECONDS)
            try:
                outcome = await _WORKS[run["what"]](context, run)
            except Exception as error:
                if is_unavailable(error):
                    raise  # the run goes on once MongoDB answers
                log.exception("the run %s of %s failed", run["what"], run["operator"])
                outcome = "failed"
            await store.audit_log.conclude(run["act"], outcome)
            # A note of `telling` that comes later finds the run ended, and changes nothing.
            await store.runs.finish(run, outcome)
    except Busy:
        log.debug("the run %s of %s has to wait", run["what"], run["operator"])
    finally:
        await telling.end()


async def _rotate(context: Context, run: Run) -> Outcome:
    """Seal anew under the first of this process's secrets; see `rotate`."""
    store, keys = context.store, context.keys
    run["total"] = await number_under_others(store, keys)

    def replaced(number: int) -> None:
        run["done"] += number

    try:
        await await_servers(store, keys, lambda _: run["said"].append(["awaits_servers"]))
    except CannotRotate as error:
        run["said"] = [error.said]
        return "refused"
    run["said"] = [["rotates", keys.fingerprint]]
    found = await rotate(store, keys, replaced)
    run["said"] = [
        *(["sealed", each.purpose, f"{n}", old] for each in found for old, n in each.sealed.items() if n),
        *(["left", each.purpose, f"{n}", old] for each in found for old, n in each.left.items()),
    ] or [["nothing_sealed", keys.fingerprint]]
    return "left" if any(each.left for each in found) else "done"


async def _release(context: Context, run: Run) -> Outcome:
    """Build the indexes that this version wants and that are missing; see `prepare`."""
    store = Store(context.settings.mongodb_uri, name=context.store.database.name, limited=False)

    def say(line: str) -> None:
        run["said"] = [*run["said"], ["line", line]][-SAID_LINES:]

    try:
        found = await prepare(store.database, store.indexes(), say)
    except BadSettings as error:
        say(str(error))
        return "refused"
    finally:
        store.close()
    run["said"] = [["built", ", ".join(found.missing_names)] if found.missing else ["nothing_built"]]
    return "done"


async def _forget(context: Context, run: Run) -> Outcome:
    """Erase a person's record; see `erase`. A record that is gone was erased before this process began."""
    store, unionid = context.store, run["unionid"]
    run["total"] = ERASURE_STEPS

    def step(number: int) -> None:
        run["done"] = number
        run["said"] = [[f"erasure_{number}"]]

    try:
        if await store.people.find(unionid) is not None:
            await erase(store, unionid)
    except CannotErase as error:
        needs, more = error.needs[:SAID_LINES], len(error.needs[SAID_LINES:])
        run["said"] = [[f"need_{n.why}", n.code, n.state, f"{n.depth}"] for n in needs]
        if more:
            run["said"].append(["more", f"{more}"])
        return "refused"
    run["done"], run["said"] = ERASURE_STEPS, [["erased"]]
    return "done"


_WORKS: Mapping[What, Callable[[Context, Run], Awaitable[Outcome]]] = {
    "rotate": _rotate,
    "release": _release,
    "forget": _forget,
}
