"""A publisher changes texts and picture until somebody digs."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from server.actions.announce import square_of
from server.actions.reviews.review import follow_review
from support.client import Someone, a_picture
from support.meanwhile import failing, meanwhile
from support.purse import check_books, find, sweep_until_quiet
from support.reviews import CHECKED, settle

NEW = {"name": "两只旧闹钟", "synopsis": "走得准\n会响"}


async def named(someone: Someone, name: str) -> list[str]:
    return [card["code"] for card in (await someone.get("/getTaskList", name=name))["data"]]


async def test_a_publisher_changes_what_a_treasure_says_and_shows_until_somebody_digs(
    context, open_page, alice, bob
):
    code = await alice.publish(name="一只闹钟", forecast_num=100_000)
    before = await bob.get("/getTaskDetails", code=code)
    poster = (await bob.post("/getSharePic", code=code))["pic"]
    page = await open_page(bob, code)
    await page.until("snapshot")
    assert (await bob.post("/editTask", code=code, **NEW))["error"] == "not_yours"
    assert (await alice.post("/editTask", code=code, name=" \u202e\u200b"))["param"] == "name"
    stolen = (await bob.upload(a_picture(colour="red")))["url"]
    assert (await alice.post("/editTask", code=code, **NEW, url=stolen))["param"] == "url"
    own = (await alice.upload(a_picture(colour="green")))["url"]
    asked = {"code": code, **NEW, "wxname": "钟表店", "url": own}
    for _ in range(2):  # the second time changes nothing
        reply = await alice.post("/editTask", **asked)
        assert (reply["status"], reply["review"], reply["edited"]) == (0, "shown", 1), reply
        assert (await alice.get("/getTaskDetails", code=code))["edited"] == 1  # at once
    frame = await page.until("review")
    assert (frame["review"], frame["edited"]) == ("shown", 1)
    shown = await bob.get("/getTaskDetails", code=code)
    assert {name: shown[name] for name in NEW} == NEW
    assert (shown["wxname"], shown["signed"], shown["edited"]) == ("钟表店", 1, 1)
    assert urlsplit(shown["pic"]).path == urlsplit(own).path
    assert shown["commitment"] == before["commitment"]
    square_of(context).forget()
    assert await named(bob, "旧闹钟") == await named(bob, "钟表") == [code]
    assert await named(bob, "一只") == []
    assert (await bob.post("/getSharePic", code=code))["pic"] != poster
    assert (await bob.dig(code))["now_depth"] == 1
    refused = await alice.post("/editTask", code=code, name="别的")
    assert (refused["error"], refused["msg"]) == ("has_digs", "已经有人开挖，文字和图片不能再改")
    assert (await bob.get("/getTaskDetails", code=code))["name"] == NEW["name"]


async def test_the_first_dig_and_an_edit_at_once_are_one_after_the_other(context, monkeypatch, alice, bob):
    code = await alice.publish(name="一只闹钟", forecast_num=100_000)

    async def dig_first() -> None:
        assert (await bob.dig(code))["status"] == 0

    kinds = {"prize_num": 2, "interval": 50_000, "fluctuation": 1, "prizes": [{"name": "钟", "prize_num": 2}]}
    kinds |= {"nonce": "ab" * 16, "sealed_seed": (await alice.get("/commitment"))["sealed_seed"]}
    other = await alice.publish(name="一只闹钟", forecast_num=100_000, **kinds)
    meanwhile(monkeypatch, context.store.tasks, "edit", before=dig_first)
    assert (await alice.post("/editTask", code=code, **NEW))["error"] == "has_digs"
    code = other
    refused = await alice.post("/editTask", code=code, **NEW, prizes=[{"name": "表"}])
    assert refused["error"] == "has_digs"
    for task in await find(context, "tasks"):
        assert (task["name"], task["now_depth"]) == ("一只闹钟", 1)
        assert [rank["name"] for rank in task.get("ranks", [])] in ([], ["钟"])


class TestWhereContentsAreChecked:
    ENVIRONMENT: ClassVar = CHECKED

    async def test_an_edit_is_checked_before_anybody_sees_or_digs_it(
        self, context, monkeypatch, open_page, alice, bob, carol
    ):
        code = await alice.publish(name="一只闹钟", forecast_num=100_000)
        [first] = await find(context, "reviews")
        await alice.post("/editTask", code=code, name="还在检查就改")
        assert [review["_id"] for review in await find(context, "reviews")] == [f"task:{code}:1"]
        first["state"] = "shown"  # this is the earlier version: the edit is not checked yet
        await follow_review(context, first)
        assert (await alice.get("/getTaskDetails", code=code))["review"] == "checking"
        await settle(context)
        shown = await bob.get("/getTaskDetails", code=code)
        assert shown["name"] == "还在检查就改"
        publisher_id = shown["publisher_id"]
        seen, late = await open_page(bob, code), await open_page(carol)
        await seen.until("snapshot")

        async def edit_first() -> None:
            assert (await alice.post("/editTask", code=code, **NEW))["review"] == "checking"

        meanwhile(monkeypatch, context.store.tasks, "record_dig", before=edit_first, once=True)
        assert (await bob.dig(code))["error"] == "no_such_task"
        assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
        square_of(context).forget()
        assert await named(bob, "") == []
        assert (await bob.get("/getPublisher", publisher_id=publisher_id))["data"] == []
        [review] = await find(context, "reviews")
        assert NEW["name"] in review["text"]
        await late.ask(action="subscribe", code=code)
        for page in (seen, late):
            assert (await page.until("error"))["error"] == "no_such_task"
        await settle(context)
        for page in (seen, late):  # the page updates by itself
            await page.until("snapshot", seq=0)
        assert await named(bob, "旧闹钟") == [code]
        assert (await bob.dig(code))["now_depth"] == 1
        for page in (seen, late):
            await page.until("cd", seq=1)

    async def test_a_paid_packet_whose_edit_is_refused_is_paid_back_though_its_process_died(
        self, client, context, monkeypatch, alice
    ):
        code = await alice.publish_packet(prize_num=1, money=2)
        await settle(context)
        await alice.pay(code)
        await client.misbehave("judge", call="msg_sec_check", code="risky")
        with monkeypatch.context() as patch:
            patch.setattr("server.actions.digging.edit.submit_task", failing(RuntimeError()))
            await alice.post("/editTask", code=code, name="坏话")
        assert await find(context, "reviews") == []
        await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"due_at": 1}})
        await sweep_until_quiet(context)
        await settle(context)
        await sweep_until_quiet(context)
        [task] = await find(context, "tasks")
        assert (task["open"], task["status"], task["end_reason"]) == (1, 1, "refused")
        await check_books(context)
        [refund] = await find(context, "refunds")
        assert (refund["state"], refund["amount_fen"]) == ("refunded", 200)
