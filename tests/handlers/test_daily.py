"""每日一挖: one treasure a day, set by operators, which nobody sees who may not."""

from datetime import datetime, timedelta
from functools import partial

import pytest

from server.game.amounts import BEIJING
from support.client import Client
from support.meanwhile import meanwhile

pytestmark = pytest.mark.usefixtures("operating")


def at(hour: int, days: int = 1) -> int:
    day = datetime.now(BEIJING) + timedelta(days=days)
    return int(day.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp() * 1000)


async def set_daily(client: Client, code: str, daily: int = 1) -> str:
    """Make a task a daily one or none, as an operator; return why not, "" if it was done."""
    reply = await client.post("/ops/daily", code=code, daily=daily, reason="好玩")
    return str(reply["msg"]) if reply["status"] else ""


async def test_an_operator_sets_one_a_day_that_starts_at_the_hour(client, context, alice, bob):
    daily = partial(set_daily, client)

    async def shown() -> list[str]:
        context.dailies.clear()
        reply = await bob.get("/getDaily", days=1)
        assert reply["status"] == 0
        return [card["code"] for card in reply["data"]]

    first = await alice.publish(is_public=1, starts_at=at(20))
    second = await alice.publish(is_public=1, starts_at=at(20))
    third = await alice.publish(is_public=1, starts_at=at(20, days=2))
    wrong = [
        await alice.publish(is_public=1, starts_at=at(19)),
        await alice.publish(is_public=0, starts_at=at(20)),
        await alice.publish(is_public=1),
    ]
    assert await shown() == []
    assert await daily(third) == ""
    assert await daily(first) == ""
    assert "已经有每日一挖了" in await daily(second)
    for code in wrong:
        assert "20:00" in await daily(code)
    assert await shown() == [first, third]
    await client.post("/ops/ban", code=first, depth=0, days=1, reason="坏")
    assert await shown() == []
    await client.post("/ops/unban", code=first, depth=0, reason="好")
    assert await daily(first, 0) == ""
    assert await daily(second) == ""
    assert await shown() == [second, third]


async def test_what_is_not_seen_or_moved_makes_room_for_another(client, context, monkeypatch, alice, bob):
    tasks = context.store.tasks
    daily = partial(set_daily, client)
    first = await alice.publish(name="猫", is_public=1, starts_at=at(20))
    second = await bob.publish(is_public=1, starts_at=at(20))
    at_hours = partial(alice.post, "/editTask", code=first, name="猫")
    changes = ({"hidden": 1}, {"open": 0}, {"starts_at": at(19)}, {"status": 1})
    for change in ("edit", "ban", *changes):
        assert await daily(first) == ""
        assert "已经有每日一挖了" in await daily(second)
        if change == "edit":
            assert (await at_hours(starts_at=at(19)))["status"] == 0
            assert (await at_hours(starts_at=at(20)))["status"] == 0
            assert "daily" not in await tasks.get(first)
        elif change == "ban":
            await client.post("/ops/ban", code=first, depth=0, days=1, reason="坏")
        else:
            await tasks.collection.update_one({"_id": first}, {"$set": change})
        assert await daily(second) == "", change
        assert await daily(second, 0) == ""
        await client.post("/ops/unban", code=first, depth=0, reason="好")
        back = {"hidden": 0, "open": 1, "status": 0, "starts_at": at(20)}
        await tasks.collection.update_one({"_id": first}, {"$set": back})
    moving = partial(bob.post, "/editTask", code=second, name="猫", starts_at=at(19))
    meanwhile(monkeypatch, tasks, "set_daily", before=moving)
    assert "请刷新" in await daily(second)
    assert "daily" not in await tasks.get(second)


async def test_only_what_is_paid_for_and_has_not_started_can_be_the_daily_one(client, context, alice):
    code = await alice.publish_packet(is_public=1, starts_at=at(20))
    for paid, days, may in ((0, 1, 0), (1, 1, 1), (1, -1, 0)):
        moved = {"$set": {"open": paid, "starts_at": at(20, days)}}
        await context.store.tasks.collection.update_one({"_id": code}, moved)
        assert (await client.get("/ops/task", code=code))["may_daily"] == may
        assert (await set_daily(client, code) == "") == may, (paid, days)


async def test_the_calendar_has_the_days_that_one_dug_and_those_that_one_did_not(context, alice, bob, carol):
    code = await alice.publish(is_public=1, cd=0)
    await bob.dig(code)
    busy = {"person_id": bob.id, "n": 1, "at": 2**52}  # what a busy person joined later
    digs = context.store.digs.collection
    await digs.insert_many([{"_id": each, "code": each, "depth": 1, **busy} for each in map(str, range(200))])
    past = {"starts_at": at(20, days=-1), "daily": datetime.fromtimestamp(at(20, -1) / 1000, BEIJING)}
    past["daily"] = past["daily"].date().isoformat()  # type: ignore[union-attr]
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": past})
    for who, took_part in ((bob, 1), (carol, 0)):
        found = (await who.get("/getDaily", days=1))["days"]
        assert found == [{"day": past["daily"], "code": code, "took_part": took_part}]
    assert (await bob.get("/getDaily"))["days"] == []
