"""Shared by the tests of reviews: the settings that turn checks on, and steps that end a check."""

from typing import Any

from devtools.sandbox import send_notices
from server.context import Context
from support.client import rest
from support.purse import do_what_is_due, only

PUSH_TOKEN = "AAAAA"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
CHECKED = {"WECHAT_PUSH_TOKEN": PUSH_TOKEN, "WECHAT_ENCODING_AES_KEY": AES_KEY}
TURNS = 6


async def settle(context: Context) -> None:
    """Ask WeChat and take its results until nothing is due. Retries are made at once."""
    idle = 0
    for _ in range(TURNS):
        await retry(context)
        idle = 0 if await do_what_is_due(context) else idle + 1
        if idle == 2:  # and what followed from the results had a turn
            break
        await send_notices(context)
        await rest(context)


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
    return await only(context, "tasks", _id=code)
