"""Reporting a task. Enough people who count put it out of sight until an operator decides."""

from __future__ import annotations

from server.actions.announce import announce_judged
from server.context import Context
from server.errors import BadRequest, NoSuchTask, NotShown
from server.game.amounts import DAY_MS, FOLLOWED_MS
from server.game.review import is_shown, review_of
from server.store.people import Person
from server.store.reports import Report, ReportReason

# What the publisher reads.
REPORTED = "有多人举报，等平台的人看一看"


async def report(context: Context, person: Person, code: str, reason: ReportReason, text: str) -> None:
    """Save what a person says about a task; a second report of theirs changes nothing.

    People count if they first logged in a day ago or earlier and have dug somewhere. So a storm from new
    accounts does nothing. Once REPORTS_TO_HOLD of them have reported it since an operator last decided, the
    task is held. Safe to repeat: if the process dies before that, a sweep does it. What a winner says about a
    task that an operator has hidden is saved, and waits for no operator.

    Raises NoSuchTask; BadRequest if the task is their own; NotShown if they may not see it or it was never
    shown. (Nobody could decide about reports of what is refused.)
    """
    task = await context.store.tasks.find(code)
    if task is None:
        raise NoSuchTask
    if task["publisher"] == person["_id"]:
        raise BadRequest("不能举报自己发布的宝贝")
    if task.get("review", "shown") != "shown" or not (is_shown(task) or await _saw(context, code, person)):
        raise NotShown
    now_ms = context.clock.now_ms()
    counts = person.get("created_at", 0) <= now_ms - DAY_MS
    if counts:
        dug, _ = await context.store.digs.numbers(person["_id"])
        counts = dug > 0
    saved = Report(
        _id=f"{code}:{person['_id']}",
        code=code,
        unionid=person["_id"],
        reason=reason,
        text=text,
        counts=int(counts),
        at=now_ms,
    )
    if counts and review_of(task) != "hidden":
        saved["open"], saved["due_at"] = 1, now_ms + FOLLOWED_MS
        if "decided" in task:
            saved["decided"] = task["decided"]
    saved = await context.store.reports.insert(saved)
    if "open" in saved:
        await _follow(context, saved)


async def _saw(context: Context, code: str, person: Person) -> bool:
    """Whether a person may see a hidden task, as a winner, or reported it before it was hidden."""
    if await context.store.reports.find(code, person["_id"]) is not None:
        return True
    view = await context.store.tasks.view(code, person["_id"])
    return view is not None and view["won"] is not None


async def settle_reports(context: Context) -> None:
    """Do what follows from reports whose process died. Safe in several processes at once."""
    async for saved in context.store.reports.lease_due(context.clock.now_ms):
        await _follow(context, saved)


async def _follow(context: Context, saved: Report) -> None:
    """Hide the task if enough people have reported it and no operator has decided since. Safe to repeat."""
    store, most, decided = context.store, context.settings.reports_to_hold, saved.get("decided", 0)
    code = saved["code"]
    if (
        most
        and await store.reports.open_number(code, decided, most) >= most
        and await store.shown_tasks.hide_reported(code, decided, REPORTED)
    ):
        await announce_judged(context, code)
    await store.reports.finish(saved["_id"])
