"""WeChat checks what people publish before others see it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo.errors import AutoReconnect

from devtools.sandbox import send_notices
from server.actions.operate import decide_review, hide_task
from server.actions.people import erase as forgetting
from server.actions.people.account import ban_person
from server.actions.reviews.review import BANNED, RESULT_MS, follow_review, settle_reviews
from server.errors import BadRequest
from server.game.amounts import DAY_MS
from server.game.review import decided
from server.store.audit_log import Actor
from server.store.people.people import Ban
from support.client import a_picture
from support.meanwhile import failing
from support.purse import check_books, find, let_pass, rest, sweep_until_quiet
from support.reviews import CHECKED, read_again, retry, settle, state_of
from support.stored import person_of

ME = Actor("小林", shared=False)


ENVIRONMENT = CHECKED


async def shown_to(who: Any, code: str) -> str:
    """Return the state of a task's review as somebody sees it, or the code of the refusal."""
    reply = await who.get("/getTaskDetails", code=code)
    return str(reply["review"] if reply["status"] == 0 else reply["error"])


async def listed(who: Any) -> list[str]:
    return [card["code"] for card in (await who.get("/getTaskList"))["data"]]


async def test_nobody_sees_or_digs_a_treasure_before_it_has_passed(context, open_page, alice, bob):
    code = await alice.publish(forecast_num=1)
    assert await shown_to(alice, code) == "checking"
    assert await shown_to(bob, code) == "no_such_task"
    assert await listed(bob) == []
    assert (await bob.dig(code))["error"] == "no_such_task"
    assert (await alice.dig(code))["error"] == "own_task"
    for who in (alice, bob):
        assert (await who.post("/getSharePic", code=code))["error"] == "no_such_task"
    page = await open_page(bob, code)
    assert (await page.until("error"))["error"] == "no_such_task"
    await page.closed()

    await settle(context)
    assert await shown_to(bob, code) == "shown"
    assert await listed(bob) == [code]
    assert (await bob.dig(code))["is_prize"] == 1
    assert await find(context, "reviews") == []


@pytest.mark.parametrize(
    ("call", "judged", "ends"),
    [
        ("msg_sec_check", "review", "held"),
        ("msg_sec_check", "risky", "refused"),
        ("media_check_async", "review", "held"),
        ("media_check_async", "risky", "refused"),
    ],
)
async def test_a_task_that_does_not_pass_is_held_or_refused_with_the_reason(
    client, context, call, judged, ends, alice, bob
):
    await client.misbehave("judge", call=call, code=judged)
    code = await alice.publish()
    await settle(context)
    assert await shown_to(bob, code) == "no_such_task"
    page = await alice.get("/getTaskDetails", code=code)
    assert page["review"] == ends
    assert ("文字" if call == "msg_sec_check" else "图片") in page["review_note"]
    (card,) = (await alice.get("/getMyRelease"))["data"]
    assert (card["review"], card["review_note"]) == (ends, page["review_note"])
    assert (card["status"], page["end_reason"]) == ((1, "refused") if ends == "refused" else (0, ""))
    assert len(await find(context, "reviews", state="held")) == (ends == "held")


async def test_a_task_hidden_while_it_is_checked_stays_hidden_for_the_operators_reason(context, alice, bob):
    code = await alice.publish()
    await hide_task(context, ME, code, "骗人", hidden=True)
    await settle(context)
    assert await shown_to(bob, code) == "no_such_task"
    assert await listed(bob) == []
    page = await alice.get("/getTaskDetails", code=code)
    assert (page["review"], page["review_note"]) == ("hidden", "骗人")
    (card,) = (await alice.get("/getMyRelease"))["data"]
    assert (card["review"], card["review_note"]) == ("hidden", "骗人")
    await hide_task(context, ME, code, "看错了", hidden=False)
    await read_again(context, code)
    assert await shown_to(bob, code) == "shown"
    assert (await alice.get("/getTaskDetails", code=code))["review_note"] == ""


async def test_a_process_that_holds_late_undoes_no_operators_decision(context, alice, bob):
    code = await alice.paid_packet(name="存疑")
    await settle(context)
    (stale,) = await find(context, "reviews")
    await decide_review(context, ME, f"task:{code}", "没有问题", shown=True)
    await follow_review(context, stale)
    assert await shown_to(bob, code) == "shown"
    assert (await bob.dig(code))["status"] == 0


@pytest.mark.parametrize(("ended", "state"), [(True, "shown"), (False, "no_such_task")])
async def test_a_task_whose_publisher_was_banned_meanwhile_waits_for_an_operator(
    context, ended, state, alice, bob
):
    code = await alice.publish()
    person = await person_of(context, alice)
    now_ms = context.clock.now_ms()
    await ban_person(context, person, Ban(reason="骗人", at=now_ms, until=now_ms - 1 if ended else 0))
    await settle(context)
    assert await shown_to(bob, code) == state
    if not ended:
        (review,) = await find(context, "reviews")
        assert (review["state"], review["why"]) == ("held", BANNED)
        await decide_review(context, ME, f"task:{code}", "没有问题", shown=True)
        assert await shown_to(bob, code) == "shown"


async def test_characters_that_nobody_sees_hide_no_bad_word(client, context):
    for name in ["违\u200b规", "违\u2060\ufe0f规的猫", "👨\u200d👩 违\u00ad规"]:
        (alice,) = await client.log_in_all("alice")
        code = await alice.publish(name=name)
        await settle(context)
        assert (await state_of(context, code))["review"] == "refused"


async def test_a_task_shown_in_spite_of_a_ban_opens_by_the_payment_that_came(context, alice, bob):
    code = await alice.paid_packet()
    person = await person_of(context, alice)
    await ban_person(context, person, Ban(reason="骗人", at=context.clock.now_ms(), until=0))
    await settle(context)
    assert [order["state"] for order in await find(context, "orders")] == ["paid"]
    await decide_review(context, ME, f"task:{code}", "没有问题", shown=True)
    assert (await bob.dig(code))["is_prize"] == 1


async def test_a_refused_task_cannot_be_shown_again_nor_reported(client, context, alice, bob):
    code = await alice.publish(name="违规")
    await settle(context)
    task = await state_of(context, code)
    with pytest.raises(BadRequest, match="不能再显示"):
        await hide_task(context, ME, code, "手滑", hidden=False)
    assert await state_of(context, code) == task
    assert (await client.http.get(task["pic"])).status_code == 404
    assert [act["outcome"] for act in await find(context, "audit_log")] == ["bad_request"]
    reply = await bob.post("/report", code=code, reason="fraud")
    assert (reply["error"], await find(context, "reports")) == ("no_such_task", [])


async def test_a_person_who_was_not_there_for_two_hours_is_looked_at_by_an_operator(client, context, alice):
    for call in ("msg_sec_check", "media_check_async"):
        await client.misbehave("refuse", call=call, code="61010")
        code = await alice.publish()
        await settle(context)
        assert (await state_of(context, code))["review"] == "held"


async def test_a_payment_during_the_check_waits_and_opens_the_task_once_it_is_shown(context, alice, bob):
    code = await alice.paid_packet()
    page = await alice.get("/getTaskDetails", code=code)
    assert (page["review"], page["need_pay"], page["owed"], page["why"]) == ("checking", 0, 0, "own_task")
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "already_paid"
    assert [order["state"] for order in await find(context, "orders")] == ["paid"]
    await check_books(context)
    await settle(context)
    assert (await bob.dig(code))["is_prize"] == 1
    assert [order["state"] for order in await find(context, "orders")] == ["spent"]
    await rest(context)
    await check_books(context)


async def test_a_refused_red_packet_that_is_paid_late_gives_all_money_back(client, context, alice):
    code = await alice.publish_packet(name="违规")
    parameters = await alice.order(code)
    await settle_reviews(context)
    assert (await state_of(context, code))["review"] == "refused"
    await client.wx("pay", **parameters)  # before a sweep closes the order
    await rest(context)
    await settle(context)
    await sweep_until_quiet(context)
    [paid], [refund] = await find(context, "orders"), await find(context, "refunds")
    assert (paid["state"], refund["state"], refund["amount_fen"]) == ("unusable", "refunded", 200)
    await check_books(context)


async def test_goods_in_review_wait_for_weeks_and_then_have_all_their_time(context, alice, bob):
    code = await alice.publish(name="存疑的猫")
    await settle(context)
    await let_pass(context, 40 * DAY_MS)
    await sweep_until_quiet(context)
    assert (await state_of(context, code))["review"] == "held"
    await context.store.reviews.move(f"task:{code}", decided("shown", ""))
    await settle(context)
    task = await state_of(context, code)
    assert task["expires_at"] - task["opened_at"] == context.settings.task_days * 86_400_000
    assert (await bob.dig(code))["status"] == 0


async def test_a_red_packet_in_review_is_never_deleted_and_then_has_a_day_to_be_paid(context, alice, bob):
    code = await alice.publish_packet(name="存疑")
    unpaid = await alice.publish_packet(name="存疑 2")
    await settle(context)
    await let_pass(context, 3 * DAY_MS)
    await sweep_until_quiet(context)
    for each in (code, unpaid):
        await decide_review(context, ME, f"task:{each}", "没有问题", shown=True)
    await let_pass(context, DAY_MS - 60_000)
    await sweep_until_quiet(context)
    await alice.pay(code)
    assert (await bob.dig(code))["status"] == 0
    await let_pass(context, 2 * 60_000)
    # A process that dies before it finishes the review leaves it like this.
    left = {"_id": f"task:{unpaid}", "code": unpaid, "unionid": alice.unionid, "state": "held"}
    await context.store.reviews.rows.insert_one(left)
    await sweep_until_quiet(context)
    assert [task["_id"] for task in await find(context, "tasks")] == [code]
    assert await find(context, "reviews") == []


@pytest.mark.parametrize("trouble", ["error_before", "garbage", "disconnect"])
async def test_while_wechat_is_down_publishing_goes_on_and_nothing_is_shown(client, context, trouble):
    alice, bob = await client.log_in_all("alice", "bob")
    await client.misbehave(trouble, call="msg_sec_check", times=100)
    await client.misbehave(trouble, call="media_check_async", times=100)
    code = await alice.publish()
    for _ in range(2):
        await settle(context)
        assert await shown_to(alice, code) == "checking"
        assert await shown_to(bob, code) == "no_such_task"
    await client.misbehave("behave")
    await settle(context)
    assert await shown_to(bob, code) == "shown"


async def test_a_result_that_never_comes_is_asked_for_once_more_and_then_an_operator_decides(client, context):
    (alice,) = await client.log_in_all("alice")
    await client.misbehave("lose_notice", times=100)
    code = await alice.publish()
    for asked in (1, 2):
        await settle(context)
        (review,) = await find(context, "reviews")
        assert (review["state"], len(review["traces"])) == ("checking", asked)
        await context.store.reviews.rows.update_one(
            {"_id": review["_id"]}, {"$inc": {"asked_at": -RESULT_MS, "due_at": -RESULT_MS}}
        )
    await settle(context)
    assert (await state_of(context, code))["review"] == "held"
    (review,) = await find(context, "reviews")
    assert len(review["traces"]) == 2


async def test_results_that_come_twice_forged_or_before_their_request_is_noted_count_once(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    for trouble in ("repeat_notice", "forge_notice", ""):
        if trouble:
            await client.misbehave(trouble)
        code = await alice.publish()
        # Two processes at once, and the push comes while the first of them still waits for the trace_id.
        await asyncio.gather(settle_reviews(context), settle_reviews(context))
        await settle(context)
        assert await shown_to(bob, code) == "shown"
    assert {check["said"] for check in await find(context, "media_checks")} == {"pass"}


async def test_a_chosen_name_is_checked_before_others_see_it(context, alice, bob):
    picture = (await alice.upload(a_picture()))["url"]
    code = await bob.publish(forecast_num=1000)
    await settle(context)

    async def seen() -> str:
        return str((await alice.dig(code))["wxname"])

    before = await seen()
    assert (await alice.post("/setProfile", wxname="小红"))["review"] == "checking"
    assert (await alice.post("/setProfile", wxheadpic=picture))["review"] == "checking"
    assert await seen() == before
    assert (await alice.get("/getMyInfo"))["review"] == "checking"
    await settle(context)
    assert (await alice.get("/getMyInfo"))["review"] == "shown"
    assert await seen() == "小红"
    person = await person_of(context, alice)
    assert urlsplit(picture).path == person["wxheadpic"]

    await alice.post("/setProfile", wxname="违规")
    await settle(context)
    info = await alice.get("/getMyInfo")
    assert info["review"] == "refused"
    assert "违法犯罪" in info["review_note"]
    assert await seen() == "小红"
    await alice.post("/setProfile", wxname="小明")
    await settle(context)
    assert await seen() == "小明"


async def test_an_older_name_never_comes_after_a_newer_one(context, alice):
    await alice.post("/setProfile", wxname="存疑")
    await settle(context)
    await alice.post("/setProfile", wxname="小明")
    await retry(context)
    await asyncio.gather(*(settle_reviews(context) for _ in range(3)))
    await settle(context)
    person = await person_of(context, alice)
    assert person["wxname"] == "小明"
    assert await find(context, "reviews") == []


async def test_a_task_that_was_not_submitted_is_submitted_by_a_sweep(context, monkeypatch, alice, bob):
    monkeypatch.setattr(context.store.reviews, "insert", failing(AutoReconnect()))
    with pytest.raises(AssertionError, match="outcome_unknown"):
        await alice.publish()
    monkeypatch.undo()
    (task,) = await find(context, "tasks")
    assert await find(context, "reviews", code=task["_id"]) == []
    await let_pass(context, 11_000)
    await settle(context)
    assert await shown_to(bob, task["_id"]) == "shown"
    await send_notices(context)


async def test_no_sweep_looks_at_a_submitted_task_while_it_is_checked(context, alice):
    await alice.publish()
    (task,) = await find(context, "tasks")
    assert task["due_at"] == task["created_at"] + DAY_MS


async def test_a_forgotten_person_is_in_no_review_and_one_in_review_is_not_forgotten(
    context, monkeypatch, alice
):
    await alice.post("/setProfile", wxname="张小明")
    await settle(context)
    code = await alice.publish(name="存疑")
    await alice.post("/setProfile", wxname="存疑")
    await settle(context)
    await alice.post("/endTask", code=code)
    await sweep_until_quiet(context)
    assert len(await find(context, "reviews", unionid=alice.unionid)) == 2
    with pytest.raises(forgetting.CannotErase, match=f"their task {code} is held"):
        await forgetting.erase(context.store, alice.unionid)
    await decide_review(context, ME, f"task:{code}", "广告", shown=False)
    await forgetting.erase(context.store, alice.unionid)
    assert await find(context, "reviews") == []
