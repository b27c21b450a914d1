"""Reporting a task. Enough reports hide the task until an operator decides, but only for some hours."""

from server.actions.announce import announce_changed
from server.context import Context
from server.errors import BadRequest, NoSuchTask, NotShown
from server.game.amounts import DAY_MS, FOLLOWED_MS
from server.game.review import is_shown, review_of
from server.store.digging.tasks import View
from server.store.people.people import Person
from server.store.reviews.reports import Report, ReportReason

# What publisher and winners read while reports hide a task.
REPORTED_NOTE = "有多人举报；没有人处理的话，最多 24 小时后恢复显示"


async def report(context: Context, person: Person, code: str, reason: ReportReason, text: str) -> None:
    """Save what a person says about a task; a second report of theirs changes nothing.

    The report waits for an operator if its author first logged in a day ago or earlier and has dug somewhere.
    So any number of reports from new accounts does nothing. The report counts towards hiding the task if its
    author dug in it. Once REPORTS_TO_HOLD reports count, the task is hidden for a day, or until an operator
    decides. Who took part in that counts nowhere else before an operator has decided. Safe to repeat: if the
    process dies before that, a sweep does it. A winner's report of a task that an operator has hidden is
    saved, but no operator has to decide about it.

    Raises NoSuchTask; BadRequest if the task is the author's own; NotShown if the author may not see it or it
    was never shown. (Nobody could decide about reports of a refused task.)
    """
    person_id = person["_id"]
    view = await context.store.tasks.view(code, person_id)
    if view is None:
        raise NoSuchTask
    task = view["task"]
    if task["publisher"] == person_id:
        raise BadRequest("不能举报自己发布的宝贝")
    if task.get("review", "shown") != "shown" or not (is_shown(task) or await _saw(context, view, person)):
        raise NotShown
    waits, counts = await _judge(context, view, person)
    now_ms = context.clock.now_ms()
    saved = Report(
        _id=f"{code}:{person_id}",
        code=code,
        person_id=person_id,
        reason=reason,
        text=text,
        counts=int(counts),
        at=now_ms,
    )
    if waits and review_of(task) != "hidden":
        saved["open"] = 1
        if counts:
            saved["due_at"] = now_ms + FOLLOWED_MS
        if "decided" in task:
            saved["decided"] = task["decided"]
    saved = await context.store.reports.add_or_read(saved)  # a person reports a task once
    if "open" in saved and saved["counts"]:
        await _follow(context, saved)


async def _saw(context: Context, view: View, person: Person) -> bool:
    """Whether a person won in a hidden task, so that they may see it, or reported it before it was hidden."""
    code = view["task"]["_id"]
    return view["won"] is not None or await context.store.reports.find(f"{code}:{person['_id']}") is not None


async def _judge(context: Context, view: View, person: Person) -> tuple[bool, bool]:
    """Return whether a person's report waits for an operator, and whether it counts towards hiding."""
    if person["created_at"] > context.clock.now_ms() - DAY_MS:
        return False, False
    if view["first"] is not None:
        return True, True
    return (await context.store.digs.numbers(person["_id"])).digs > 0, False


async def settle_reports(context: Context) -> None:
    """Do what dead processes left undone about reports. Safe in several processes at once."""
    async for saved in context.store.reports.lease_due(context.clock.now_ms):
        await _follow(context, saved)


async def _follow(context: Context, saved: Report) -> None:
    """Hide the task if enough reports count and no operator has decided since. Safe to repeat."""
    store = context.store
    least = context.settings.reports_to_hold
    code = saved["code"]
    decided = saved.get("decided", 0)
    if (
        least
        and await store.reports.join(code, decided, least)
        and await store.moderation.hide_reported(code, decided, REPORTED_NOTE)
    ):
        await announce_changed(context, code)
    await store.reports.again(saved, None)
