"""A treasure that was taken down or is not checked yet is shown only to its publisher and its winners."""

from itertools import cycle
from typing import Any

from server.actions.announce import announce_changed
from server.context import Context
from support.client import Client, Someone

# The ways in which a task can be hidden.
STATES: list[dict[str, Any]] = [
    {"hidden": 1},
    {"hidden": 1, "reported": 1},
    {"review": "checking"},
    {"review": "held"},
    {"review": "refused", "hidden": 1},
]


async def seen_by(someone: Someone, code: str) -> set[str]:
    """Call each interface that can show this task; return the outcomes."""
    asked = [someone.get("/getTaskUser", code=code, page=page) for page in (1, 2)]
    asked += [someone.get(path, code=code) for path in ("/getDigs", "/getRules")]
    return {reply.get("error", "") for reply in [await each for each in asked]}


async def won_and_dug(client: Client, context: Context) -> tuple[str, list[Someone]]:
    """Return a treasure's code, and its publisher, a winner, a digger and somebody else."""
    alice, bob, carol, dan = await client.log_in_all("alice", "bob", "carol", "dan")
    rules = {"prize_num": 2, "forecast_num": 4, "interval": 2, "fluctuation": 0, "draw_type": 1}
    said = dict.fromkeys(("wxname", "place", "pickup_time"), "加微信 abc")
    kinds = [{"name": "加微信 abc", "prize_num": 2}]
    code = await alice.publish(**rules, **said, prizes=kinds, **await alice.halves())
    assert [(await who.dig(code))["is_prize"] for who in (carol, bob)] == [0, 1]
    await context.background.finish()
    return code, [alice, bob, carol, dan]


async def test_what_a_publisher_wrote_and_who_dug_are_shown_to_them_and_winners_alone(client, context):
    for state, watched in zip(STATES, cycle((True, False)), strict=False):
        code, people = await won_and_dug(client, context)
        if watched:
            await people[0].get("/getTaskDetails", code=code)
        _, bob, carol, _ = people
        before = [(await who.get("/getMyPartake"))["data"][0] for who in (bob, carol)]
        assert [await seen_by(who, code) for who in people] == [{""}] * 4
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": state})
        await announce_changed(context, code)
        await context.background.finish()
        assert (code in context.hub.known.by_code) is watched
        hidden = {"no_such_task"}
        assert [await seen_by(who, code) for who in people] == [{""}, {""}, hidden, hidden], state
        assert [row["no"] for row in (await bob.get("/getTaskUser", code=code, page=1))["data"]] == [1, 2]
        assert [row["depth"] for row in (await bob.get("/getDigs", code=code))["data"]] == [2, 1]
        won, dug = [(await who.get("/getMyPartake"))["data"][0] for who in (bob, carol)]
        # Nobody gets the file of a hidden picture, so even the winner gets no address of it.
        for name in ("pic", "thumbnail"):  # the address is signed during the review
            won[name] = won[name].partition("?")[0]
        assert won == before[0] | ({"pic": "", "thumbnail": ""} if state.get("hidden") else {})
        assert before[1]["wxname"] == "加微信 abc"
        said = ("name", "pic", "thumbnail", "wxname", "wxheadpic", "wxheadimgurl", "publisher_id")
        said += ("place", "pickup_time")
        assert dug == before[1] | dict.fromkeys(said, "") | {"signed": 0, "ranks": []}


async def test_open_pages_are_told_once_and_others_are_turned_away(client, context, open_page, other_port):
    code, [alice, bob, carol, dan] = await won_and_dug(client, context)
    pages = [await open_page(who, code, port=other_port) for who in (alice, bob, carol)]
    for page in pages:
        await page.until("snapshot")
    *told, turned_away = pages
    for hidden, review in ((True, "hidden"), (False, "shown")):
        await context.store.moderation.set_hidden(code, hidden=hidden, note="违法")
        for _ in range(2):
            await announce_changed(context, code)
        assert [(await page.until("review"))["review"] for page in told] == [review] * 2
    assert (await turned_away.until("error"))["error"] == "no_such_task"
    assert (await dan.dig(code))["now_depth"] == 3
    for page in told:
        await page.until("cd")
        assert [frame["type"] for frame in page.frames].count("review") == 2
    assert "review" not in {frame["type"] for frame in turned_away.frames}
