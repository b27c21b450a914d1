"""Reporting a treasure. Enough people who count put it out of sight until an operator decides."""

from __future__ import annotations

from server.actions.announce import announce_judged
from server.context import Context
from server.errors import BadRequest, NoSuchTask
from server.game.amounts import DAY_MS
from server.store.people import Person
from server.store.reports import Report, ReportReason

# What the publisher reads.
REPORTED = "有多人举报，等平台的人看一看"


async def report(context: Context, person: Person, code: str, reason: ReportReason, text: str) -> None:
    """Save what a person says about a task; a second report of theirs changes nothing.

    People count if they first logged in a day ago or earlier and have dug somewhere, so a storm from new
    accounts does nothing. Once REPORTS_TO_HOLD of them have reported it since an operator last decided, the
    task is hidden. Safe to repeat: if the process dies before that, the next report does it. Raises
    NoSuchTask, and BadRequest if the task is their own.
    """
    task = await context.store.tasks.find(code)
    if task is None:
        raise NoSuchTask
    if task["publisher"] == person["_id"]:
        raise BadRequest("不能举报自己发布的宝贝")
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
    if counts:
        saved["open"] = 1
    saved = await context.store.reports.insert(saved)
    most = context.settings.reports_to_hold
    if "open" not in saved or not most or task["hidden"]:
        return
    if await context.store.reports.open_number(code, most) >= most:
        await context.store.shown_tasks.set_hidden(code, hidden=True, note=REPORTED)
        await announce_judged(context, code)
