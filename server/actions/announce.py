"""Telling all open pages of a change. Each action that changes a task ends here."""

from server.context import Context
from server.game.dig import Dig
from server.game.lifecycle import Move
from server.realtime.news import ChangedNews, ClaimNews, news_of_dig, news_of_end
from server.store.prizes.prizes import Prize


async def announce_dig(context: Context, dig: Dig) -> None:
    """Tell every open page of a dig, which must be in the history already."""
    if "end" in dig:
        context.square.forget()  # its list of running tasks
    await context.hub.announce(dig["code"], news_of_dig(dig))


async def announce_end(context: Context, code: str) -> None:
    """Tell every open page that a task ended without a dig. The stored task must be ended already."""
    context.square.forget()
    task = await context.store.tasks.find(code)
    if task is not None and task["status"]:
        context.heartbeats.note_end(task)
        await context.hub.announce(code, news_of_end(task))


async def end_by(context: Context, code: str, end: Move) -> bool:
    """End a task without a dig, and tell every open page; return False if `end` does not fit the task."""
    if ended := await context.store.tasks.moves(code, end):
        await announce_end(context, code)
    return ended


async def announce_changed(context: Context, code: str) -> None:
    """Tell all processes that a task opened, was shown, hidden or reviewed: each reads it again."""
    context.square.forget()
    await context.hub.announce(code, ChangedNews())


async def announce_claim(context: Context, prize: Prize) -> None:
    """Tell the winner and the publisher, if they have the task open, to read the prize anew.

    If this news is lost, their pages show the change when they next read the prize.
    """
    news = ClaimNews(prize["person_id"], prize["depth"], context.clock.now_ms())
    await context.hub.announce(prize["code"], news)
