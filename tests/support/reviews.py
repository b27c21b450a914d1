"""Shared by the tests of reviews: the settings that turn checks on, and steps that end a check."""

from typing import Any

from devtools.sandbox import send_notices
from server.actions.reviews.review import settle_reviews
from server.context import Context
from server.leading.sweep import sweep
from support.client import rest
from support.purse import find

PUSH_TOKEN = "AAAAA"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CHECKED = {"WECHAT_PUSH_TOKEN": PUSH_TOKEN, "WECHAT_ENCODING_AES_KEY": AES_KEY}
TURNS = 6


async def settle(context: Context) -> None:
    """Ask WeChat and take its results until nothing is due. Retries are made at once."""
    was_over = False
    for _ in range(TURNS):
        await retry(context)
        await settle_reviews(context)
        await rest(context)
        await send_notices(context)
        await sweep(context)
        await rest(context)
        is_over = not (
            await find(context, "reviews", state="checking")
            or await find(context, "people", due_at={"$exists": True})
        )
        if was_over and is_over:  # and what followed from the results had a turn
            break
        was_over = is_over


async def read_again(context: Context, code: str) -> None:
    """Let pages show an operator's last decision now. In service, a process does so in the background."""
    watched = context.hub.known.by_code.get(code)
    if watched is not None:
        assert await context.hub.read_now(watched)


async def retry(context: Context) -> None:
    """Make all reviews due that wait for a retry of at most two minutes."""
    soon = context.clock.now_ms() + 120_000
    await context.store.reviews.rows.update_many({"due_at": {"$lt": soon}}, {"$set": {"due_at": 1}})


async def state_of(context: Context, code: str) -> dict[str, Any]:
    """Return a task as the database has it."""
    (task,) = await find(context, "tasks", _id=code)
    return task
