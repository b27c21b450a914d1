"""What operators may do. Each act is written to the audit log before it is done, and its outcome after.

If an act stays "begun" there, it was cut off and may have been done.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import NamedTuple

from server.actions.announce import announce_changed
from server.actions.digging.end_task import end_task_as_operator
from server.actions.people.account import ban_of, ban_person, end_sessions
from server.actions.people.whom import Whom, find_person
from server.actions.prizes import freeze as freezing
from server.actions.prizes.claim import Address, open_address
from server.actions.reviews.review import follow_review
from server.context import Context
from server.errors import BadRequest, Ended, NoSuchTask, Refusal
from server.game.amounts import DAY_MS
from server.game.daily import date_of, is_daily, may_be_daily
from server.game.review import decided as decided_so
from server.game.task import Task
from server.store.audit_log import Actor
from server.store.people.people import Ban
from server.store.prizes.freezes import What
from server.store.prizes.prizes import Prize

MOST_FEATURED = 5
_TOP_IS_FULL = f"广场最上面最多 {MOST_FEATURED} 个精选，请先取消一个"


class Won(NamedTuple):
    """A prize that was given, and its task. `where` is its address, None if it never had one or has none any
    more."""

    prize: Prize
    task: Task
    where: Address | None


@asynccontextmanager
async def _logged(
    context: Context, actor: Actor, act: str, target: str, reason: str, whom: Whom | None = None
) -> AsyncIterator[None]:
    log = context.store.audit_log
    person = ""
    if whom is not None:
        with suppress(Refusal):  # if there is no such person, the act itself is refused, and the log says so
            person = (await find_person(context, whom))["_id"]
    written = await log.begin(context.clock.now_ms(), actor, act, target, reason, person)
    try:
        yield
    except Refusal as refused:
        await log.conclude(written, refused.error)
        raise
    await log.conclude(written, "done")


async def end_task(context: Context, actor: Actor, code: str, reason: str, *, fraud: bool) -> None:
    """End a task; everybody can read the reason. Raises NoSuchTask and, without `fraud`, Ended.

    With `fraud` its prizes are frozen first, even if it has ended already.
    """
    async with _logged(context, actor, "end_fraud" if fraud else "end", code, reason):
        if fraud:
            await freezing.freeze(context, "task", code, 0, reason, by=actor.by)
        try:
            await end_task_as_operator(context, code, reason, by=actor.by)
        except Ended:
            if not fraud:
                raise


async def freeze(context: Context, actor: Actor, what: What, code: str, depth: int, reason: str) -> None:
    """Freeze the prizes of a task or of a person, or the prize at a depth. See `freeze.freeze`."""
    whom = _whom(what, code, depth)
    async with _logged(context, actor, f"freeze_{what}", str(Whom(code, depth)), reason, whom):
        await freezing.freeze(context, what, code, depth, reason, by=actor.by)


async def release(context: Context, actor: Actor, what: What, code: str, depth: int, reason: str) -> None:
    """Release what is frozen or held, so that it can be claimed. See `freeze.release`."""
    whom = _whom(what, code, depth)
    async with _logged(context, actor, f"release_{what}", str(Whom(code, depth)), reason, whom):
        await freezing.release(context, what, code, depth, by=actor.by)


async def give_back(context: Context, actor: Actor, what: What, code: str, depth: int, reason: str) -> None:
    """Return what is frozen or held to the publisher. See `freeze.give_back`."""
    async with _logged(context, actor, f"return_{what}", str(Whom(code, depth)), reason):
        await freezing.give_back(context, what, code, depth, by=actor.by)


def _whom(what: What, code: str, depth: int) -> Whom | None:
    return Whom(code, depth) if what == "person" else None


async def hide_task(context: Context, actor: Actor, code: str, reason: str, *, hidden: bool) -> None:
    """Hide a task from all but its publisher and its winners, or show it again.

    The publisher is told the reason. Raises NoSuchTask; BadRequest if a refused task is to be shown.
    """
    async with _logged(context, actor, "hide" if hidden else "show", code, reason):
        if await context.store.tasks.find(code) is None:
            raise NoSuchTask
        # The order matters: if the process dies in between, a reported task is still in the queue.
        decided = await context.store.moderation.set_hidden(code, hidden=hidden, note=reason)
        if not decided:
            raise BadRequest("审核没有通过，已经结束，不能再显示", param="hidden")
        await context.store.reports.close_decided(code, decided, "upheld" if hidden else "dismissed")
        await announce_changed(context, code)


async def set_daily(context: Context, actor: Actor, code: str, reason: str, *, daily: bool) -> None:
    """Make a task the daily one of the day on which it starts, or take that back.

    It replaces one that others do not see any more. Raises NoSuchTask, Ended; BadRequest if it is private or
    unpaid, has started or starts at another hour, if the day has one, or if it changed at this moment.
    """
    hour = context.settings.daily_at
    tasks = context.store.tasks
    async with _logged(context, actor, "daily" if daily else "undaily", code, reason):
        task = await tasks.get(code)
        if daily and task["status"]:
            raise Ended
        if daily and not may_be_daily(task, hour, context.clock.now_ms()):
            raise BadRequest(f"每日一挖要是公开的、付过钱的、还没到时间、{hour} 开挖的宝贝", param="code")
        day = date_of(task["starts_at"]) if daily else ""
        for holder in await tasks.daily_from(day) if daily else []:
            if holder["daily"] != day or holder["_id"] == code:
                continue
            if await _is_seen_daily(context, holder):
                raise BadRequest(f"{day} 已经有每日一挖了，请先取消那一个", param="daily")
            await tasks.set_daily(holder, "")
        if not await tasks.set_daily(task, day):
            raise BadRequest("这个宝贝或那一天的每日一挖刚刚改过，请刷新后再试", param="daily")


async def _is_seen_daily(context: Context, task: Task) -> bool:
    publisher = await context.store.people.find(task["publisher"])
    barred = publisher is not None and ban_of(publisher, context.clock.now_ms()) is not None
    return is_daily(task, context.settings.daily_at, barred=barred)


async def feature_task(context: Context, actor: Actor, code: str, reason: str, *, featured: bool) -> None:
    """Put a task on top of the square, or take it away from there. It appears there once it is paid and not
    hidden.

    Raises NoSuchTask, Ended; BadRequest if it is private, or MOST_FEATURED other tasks are featured.
    """
    meta = context.store.meta
    database = context.database
    async with _logged(context, actor, "feature" if featured else "unfeature", code, reason):
        found_tasks = await context.store.tasks.find_many([code, *database.featured])
        tasks = {task["_id"]: task for task in found_tasks}
        if code not in tasks:
            raise NoSuchTask
        if not featured:
            found = await meta.unfeature(database.identity, [code])
        elif tasks[code]["status"]:
            raise Ended
        elif not tasks[code]["is_public"]:
            raise BadRequest("私密的宝贝不在广场上，不能精选", param="code")
        else:
            # A featured task that ended makes room for this one.
            over = [each for each in database.featured if each not in tasks or tasks[each]["status"]]
            if over:
                await meta.unfeature(database.identity, over)
            found = await meta.feature(database.identity, code, MOST_FEATURED)
        database.featured = found[::-1]
        context.square.forget()
        if featured and code not in found:
            raise BadRequest(_TOP_IS_FULL, param="featured")


async def decide_review(context: Context, actor: Actor, key: str, reason: str, *, shown: bool) -> None:
    """Show or refuse what a review holds. The publisher reads the reason of a refusal.

    Raises BadRequest if the review is not held any more.
    """
    whom = Whom(key=key) if key.startswith("profile:") else None
    async with _logged(context, actor, "approve" if shown else "refuse", key, reason, whom):
        decision = decided_so("shown" if shown else "refused", reason).made_by(actor.by)
        decided = await context.store.reviews.move(key, decision)
        if decided is None:
            raise BadRequest("这一条已经处理过了，请刷新", param="key")
        await follow_review(context, decided)


async def log_out_person(context: Context, actor: Actor, whom: Whom, reason: str) -> None:
    """End all sessions of a person. They may log in again. Raises NoSuchTask, BadRequest."""
    async with _logged(context, actor, "signout", str(whom), reason, whom):
        await end_sessions(context, await find_person(context, whom))


async def ban(context: Context, actor: Actor, whom: Whom, days: int, reason: str) -> None:
    """Ban a person for some days, or until the ban is lifted (0).

    The person is told the reason. A second ban replaces the first. Raises NoSuchTask, BadRequest.
    """
    async with _logged(context, actor, "ban", str(whom), reason, whom):
        now_ms = context.clock.now_ms()
        begun = Ban(reason=reason, at=now_ms, until=now_ms + days * DAY_MS if days else 0)
        await ban_person(context, await find_person(context, whom), begun)


async def lift_ban(context: Context, actor: Actor, whom: Whom, reason: str) -> None:
    """Let a person act again. Raises NoSuchTask, BadRequest."""
    async with _logged(context, actor, "unban", str(whom), reason, whom):
        await context.store.people.lift_ban((await find_person(context, whom))["_id"])


async def trust_person(context: Context, actor: Actor, whom: Whom, reason: str, *, trusted: bool) -> None:
    """Exempt a publisher from the limit of what their treasures pay a day, or limit it again.

    Raises NoSuchTask, BadRequest.
    """
    async with _logged(context, actor, "trust" if trusted else "distrust", str(whom), reason, whom):
        await context.store.people.trust((await find_person(context, whom))["_id"], trusted=trusted)


async def export_given(
    context: Context, actor: Actor, period: str, from_ms: int, until_ms: int, reason: str
) -> AsyncGenerator[list[Won]]:
    """Yield all prizes given in a period, some at a time, with their winners' addresses opened.

    If the caller does not take all prizes, the act stays "begun" in the log.
    """
    async with (
        _logged(context, actor, "export_prizes", period, reason),
        aclosing(context.store.prizes.given_between(from_ms, until_ms)) as given,
    ):
        async for prizes in given:
            yield await _opened(context, prizes)


async def _opened(context: Context, prizes: list[Prize]) -> list[Won]:
    codes = sorted({prize["code"] for prize in prizes})
    tasks = {task["_id"]: task for task in await context.store.tasks.find_many(codes)}
    # Opening hundreds of addresses takes a while.
    wheres = await asyncio.to_thread(lambda: [open_address(context, prize) for prize in prizes])
    return [Won(prize, tasks[prize["code"]], where) for prize, where in zip(prizes, wheres, strict=True)]
