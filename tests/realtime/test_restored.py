"""A database that was restored to an earlier state, beside a server that runs on."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.actions.digging.dig import DigAttempt, dig
from server.actions.digging.end_task import end_task_as_operator
from server.context import Context
from support.purse import find

COLLECTIONS = ("tasks", "digs", "prizes")


@pytest.fixture
def backup(context: Context) -> Callable[[], Awaitable[Callable[[], Awaitable[None]]]]:
    """Copy what is stored of treasures; return a function that restores it."""

    async def back_up() -> Callable[[], Awaitable[None]]:
        saved: dict[str, list[Any]] = {name: await find(context, name) for name in COLLECTIONS}

        async def restore() -> None:
            for name, rows in saved.items():
                await context.store.database[name].delete_many({})
                if rows:
                    await context.store.database[name].insert_many(rows)

        return restore

    return back_up


async def test_an_open_page_is_told_anew_each_time(context, backup, log, open_page, alice, bob, code):
    page = await open_page(alice, code)
    await page.until("snapshot", seq=0)
    await bob.dig(code)
    restore = await backup()
    for times in (1, 2):
        assert [(await bob.dig(code))["now_depth"] for _ in range(3)] == [2, 3, 4]
        await page.until("cd", seq=4)
        await restore()
        for _ in range(2):
            await context.hub._poll()
        assert (await page.until("snapshot"))["now_depth"] == 1
        assert log.getvalue().count("was restored") == times
        details = await bob.get("/getTaskDetails", code=code)
        assert (details["now_depth"], details["seq"]) == (1, 1)
    await context.hub._poll()
    assert log.getvalue().count("was restored") == 2


async def test_an_open_page_is_told_of_other_digs_that_are_as_many(
    context, other, backup, monkeypatch, open_page, alice, bob, code
):
    async def lost(*_: object) -> bool:
        return False

    page = await open_page(alice, code)
    await page.until("snapshot", seq=0)
    restore = await backup()
    await bob.dig(code)
    await page.until("cd", seq=1)
    await restore()
    monkeypatch.setattr(other.bus, "publish", lost)
    await dig(other, DigAttempt(code, bob.id))
    await context.hub._poll()
    await page.until("snapshot", seq=1)


async def test_an_end_that_was_undone_is_told(context, backup, open_page, alice, bob, code):
    page = await open_page(alice, code)
    await page.until("snapshot", status=0)
    restore = await backup()
    await end_task_as_operator(context, code, "")
    await page.until("end")
    await restore()
    for _ in range(2):
        await context.hub._poll()
    await page.until("snapshot", status=0)
    assert (await bob.dig(code))["now_depth"] == 1
    await page.until("cd", seq=1)


async def test_the_cooldown_of_a_dig_after_a_restore_is_known(context, backup, alice, bob, carol):
    code = await alice.publish(cd=60)
    restore = await backup()
    assert (await bob.dig(code))["now_depth"] == 1
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"cd_until": 1}})
    context.hub.cooldowns.forget(code)
    assert (await bob.dig(code))["now_depth"] == 2
    await restore()
    context.hub.cooldowns._known[code] = context.hub.cooldowns._known[code]._replace(begins=1)  # it is over
    made = await carol.dig(code)
    assert made["now_depth"] == 1
    assert context.hub.cooldowns.digging_began(code) == made["cd_until"]
