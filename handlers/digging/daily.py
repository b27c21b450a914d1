"""每日一挖: the treasures of these days, and those of them that the caller dug."""

from typing import Annotated

import msgspec

from handlers.base import Interface, Reply
from handlers.digging.cards import Card, card
from handlers.parameters import Unionid
from server.actions.people.account import ban_of
from server.context import Context
from server.decoding import named
from server.game.amounts import DAY_MS
from server.game.daily import date_of, is_daily
from server.game.task import Task

CALENDAR_DAYS = 28
NEAR = 4


class GetDailyRequest(msgspec.Struct):
    """With `days` 1, the reply has the calendar too."""

    unionid: Unionid
    days: Annotated[int, named("日历", "0 或 1", ge=0, le=1)] = 0


class DailyDay(msgspec.Struct):
    """A day that had a daily treasure; `took_part` is 1 if the caller dug it."""

    day: str
    code: str
    took_part: int


class GetDailyReply(Reply, kw_only=True):
    """`data` are at most four daily treasures from yesterday on, by their day; those that cannot be seen, or
    ended before anybody dug, are left out. `days` are those of the last four weeks, the last one first."""

    data: list[Card]
    days: list[DailyDay]


async def _from(context: Context, day: str) -> list[Task]:
    """Return the daily treasures from a day on that others may see."""
    kept = context.dailies
    if day not in kept:
        store = context.store
        now_ms = context.clock.now_ms()
        tasks = await store.page_reads.answered(lambda: store.tasks.daily_from(day))
        publishers = await store.people.find_all(sorted({task["publisher"] for task in tasks}), {"banned": 1})
        barred = {person["_id"] for person in publishers if ban_of(person, now_ms) is not None}
        kept[day] = [
            task
            for task in tasks
            if is_daily(task, context.settings.daily_at, barred=task["publisher"] in barred)
        ]
    return kept[day]


class GetDaily(Interface, path="/getDaily"):
    """The daily treasures of these days."""

    async def answer(self, request: GetDailyRequest) -> GetDailyReply:
        await self.let_in()
        context = self.context
        now_ms = self.context.clock.now_ms()
        near = await _from(context, date_of(now_ms - DAY_MS))
        days: list[DailyDay] = []
        if request.days:
            store = context.store
            since_ms = now_ms - CALENDAR_DAYS * DAY_MS
            past = [task for task in await _from(context, date_of(since_ms)) if task["starts_at"] <= now_ms]
            joined = await store.page_reads.answered(
                lambda: store.digs.joined(self.caller.person_id, [task["_id"] for task in past])
            )
            days = [DailyDay(task["daily"], task["_id"], int(task["_id"] in joined)) for task in past[::-1]]
        return GetDailyReply(data=[card(context, task) for task in near[:NEAR]], days=days)
