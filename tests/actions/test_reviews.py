"""WeChat checks what people publish and choose before others see it."""

import asyncio
import json
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest

from devtools.sandbox import send_notices
from server.actions.operate import decide_review, hide_task
from server.actions.people import erase as forgetting
from server.actions.people.account import set_profile, settle_names
from server.actions.pictures import signed_path
from server.actions.reviews.review import RESULT_MS, settle_reviews
from server.context import Context
from server.errors import BadRequest, WeChatBusy
from server.game.amounts import DAY_MS
from server.game.given_names import given_name
from server.game.review import decided
from server.leading.tidy import tidy_files
from server.store.audit_log import Actor
from support.client import Someone, a_picture
from support.leading import let_first_names_age
from support.meanwhile import failing, meanwhile
from support.purse import expect_balance, find, let_pass, only, rest, sweep_until_quiet
from support.reviews import CHECKED, read_again, retry, settle, state_of
from support.steps import Killed
from support.stored import let_files_age, person_of

ENVIRONMENT = CHECKED


ME = Actor("小林", shared=False)


async def shown_to(who: Any, code: str) -> str:
    """Return the state of a task's review as somebody sees it, or the code of the refusal."""
    reply = await who.get("/getTaskDetails", code=code)
    return str(reply["review"] if reply["status"] == 0 else reply["error"])


async def listed(who: Any) -> list[str]:
    return [card["code"] for card in (await who.get("/getTaskList"))["data"]]


async def test_nobody_sees_or_digs_a_treasure_before_it_has_passed(context, open_page, alice, bob):
    code = await alice.publish(forecast_num=1)
    task = await only(context, "tasks")
    assert task["due_at"] == task["created_at"] + DAY_MS, "no sweep looks at it while it is checked"
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
async def test_what_does_not_pass_is_held_or_refused(client, context, call, judged, ends, alice, bob):
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


async def test_a_refused_task_cannot_be_shown_again_nor_reported(client, context, alice, bob):
    code = await alice.publish(name="【违规】")
    await settle(context)
    task = await state_of(context, code)
    with pytest.raises(BadRequest, match="不能再显示"):
        await hide_task(context, ME, code, "手滑", hidden=False)
    assert await state_of(context, code) == task
    assert (await client.http.get(task["pic"])).status_code == 404
    assert [act["outcome"] for act in await find(context, "audit_log")] == ["bad_request"]
    reply = await bob.post("/report", code=code, reason="fraud")
    assert (reply["error"], await find(context, "reports")) == ("no_such_task", [])


async def test_a_payment_during_the_check_waits_and_opens_the_task_once_it_is_shown(context, alice, bob):
    code = await alice.paid_packet()
    page = await alice.get("/getTaskDetails", code=code)
    assert (page["review"], page["need_pay"], page["owed"], page["why"]) == ("checking", 0, 0, "own_task")
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "already_paid"
    assert [order["state"] for order in await find(context, "orders")] == ["paid"]
    await expect_balance(context)
    await settle(context)
    assert (await bob.dig(code))["is_prize"] == 1
    assert [order["state"] for order in await find(context, "orders")] == ["spent"]
    await rest(context)
    await expect_balance(context)


async def test_what_is_in_review_waits_for_weeks_and_then_has_all_its_time(context, alice, bob):
    goods = await alice.publish(name="【存疑】的猫")
    code = await alice.publish_packet(name="【存疑】")
    unpaid = await alice.publish_packet(name="【存疑】 2")
    await settle(context)
    await sweep_until_quiet(context, 40 * DAY_MS)
    for each in (goods, code, unpaid):
        assert (await state_of(context, each))["review"] == "held"
        await decide_review(context, ME, f"task:{each}", "没有问题", shown=True)
    task = await state_of(context, goods)
    assert task["expires_at"] - task["opened_at"] == context.settings.task_days * DAY_MS
    await sweep_until_quiet(context, DAY_MS - 60_000)
    await alice.pay(code)
    for each in (goods, code):
        assert (await bob.dig(each))["status"] == 0
    await let_pass(context, 2 * 60_000)
    # A process that dies before it finishes a review leaves the review like this.
    left = {"_id": f"task:{unpaid}", "code": unpaid, "person_id": alice.id, "state": "held"}
    await context.store.reviews.rows.insert_one(left)
    await sweep_until_quiet(context)
    assert {task["_id"] for task in await find(context, "tasks")} == {goods, code}
    assert await find(context, "reviews") == []


async def test_a_result_that_never_comes_is_asked_for_twice_then_held(client, context, alice):
    await client.misbehave("lose_notice", times=100)
    code = await alice.publish()
    for asked in (1, 2):
        await settle(context)
        (review,) = await find(context, "reviews")
        assert (review["state"], len(review["traces"])) == ("checking", asked)
        earlier = {"asked_at": -RESULT_MS, "due_at": -RESULT_MS}
        await context.store.reviews.rows.update_one({"_id": review["_id"]}, {"$inc": earlier})
    await settle(context)
    assert (await state_of(context, code))["review"] == "held"
    assert len((await only(context, "reviews"))["traces"]) == 2


async def test_a_chosen_name_is_checked_before_others_see_it(context, alice, bob):
    picture = (await alice.upload(a_picture()))["url"]
    code = await bob.publish()
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

    await alice.post("/setProfile", wxname="【违规】")
    await settle(context)
    info = await alice.get("/getMyInfo")
    assert info["review"] == "refused"
    assert "违法犯罪" in info["review_note"]
    assert await seen() == "小红"
    await alice.post("/setProfile", wxname="小明")
    await settle(context)
    assert await seen() == "小明"


async def test_a_first_name_reaches_what_was_dug_before_once_it_passes_its_check(client, context, bob):
    newcomer = await client.log_in("dora", anonymous=1)
    code = await bob.publish()
    await settle(context)
    await newcomer.dig(code)

    async def seen() -> list[str]:
        return [row["wxname"] for row in (await bob.get("/getDigs", code=code))["data"]]

    for chosen, shown in (("【违规】", newcomer.data["nickName"]), ("小朵", "小朵"), ("朵朵", "小朵")):
        before = await seen()
        assert (await newcomer.post("/setProfile", wxname=chosen))["review"] == "checking"
        assert await seen() == before
        await settle(context)
        assert await seen() == [shown]
        await let_first_names_age(context)
        await settle_names(context)


async def test_a_name_forgotten_or_replaced_meanwhile_leaves_earlier_digs(client, context, bob, monkeypatch):
    code = await bob.publish()
    await settle(context)
    erasure = context.store.erasure

    async def choose_again() -> None:
        await newcomer.post("/setProfile", wxname="【违规】")

    async def forget() -> None:
        await erasure.erase_name(newcomer.id)

    for of, name, act in (
        (context.store.people, "show_choice", choose_again),
        (erasure, "show_in_digs", forget),
    ):
        newcomer = await client.log_in(name, anonymous=1)
        await newcomer.dig(code)
        with monkeypatch.context() as patch:
            meanwhile(patch, of, name, before=act, once=True)
            await newcomer.post("/setProfile", wxname="小朵")
            await settle(context)
        newest = (await bob.get("/getDigs", code=code))["data"][0]
        assert newest["wxname"] == newcomer.data["nickName"], name
    await newcomer.post("/setProfile", wxname="朵朵")  # after the name that was forgotten
    await settle(context)
    assert (await newcomer.dig(code))["wxname"] == "朵朵"
    newest, before = (await bob.get("/getDigs", code=code))["data"][:2]
    assert (newest["wxname"], before["wxname"]) == ("朵朵", newcomer.data["nickName"])


async def test_a_name_is_not_called_shown_before_others_see_it(context, alice, monkeypatch):
    told = []

    async def ask() -> None:
        told.append((await alice.get("/getMyInfo"))["review"])

    meanwhile(monkeypatch, context.store.people, "show_choice", before=ask)
    await alice.post("/setProfile", wxname="小红")
    await settle(context)
    assert told == ["checking"]
    assert (await alice.get("/getMyInfo"))["review"] == "shown"


async def test_a_forgotten_person_is_in_no_review_and_one_in_review_is_not_forgotten(context, alice):
    await alice.post("/setProfile", wxname="张小明")
    await settle(context)
    code = await alice.publish(name="【存疑】")
    await alice.post("/setProfile", wxname="【存疑】")
    await settle(context)
    await alice.post("/endTask", code=code)
    await sweep_until_quiet(context)
    assert len(await find(context, "reviews", person_id=alice.id)) == 2
    with pytest.raises(forgetting.CannotErase, match=f"their task {code} is held"):
        await forgetting.erase(context.store, alice.id)
    await decide_review(context, ME, f"task:{code}", "广告", shown=False)
    await forgetting.erase(context.store, alice.id)
    assert await find(context, "reviews") == []


async def test_pictures_that_wechat_does_not_answer_about_hold_up_nothing_else(context, monkeypatch, alice):
    doubtful = await alice.publish(name="【存疑】")
    pushed = await alice.publish()
    await settle_reviews(context)
    await settle(context)
    assert (await state_of(context, doubtful))["review"] == "held"
    late = mock.AsyncMock(side_effect=WeChatBusy)
    monkeypatch.setattr(context.wechat, "check_picture", late)
    for _ in range(12):
        await alice.publish()
    await settle_reviews(context)
    assert late.await_count == 1  # the other texts did not wait for their pictures
    await alice.post("/setProfile", wxname="新名字")
    # A process died after it noted an operator's decision.
    await context.store.reviews.move(f"task:{doubtful}", decided("shown", "可以"))
    await retry(context)
    await settle_reviews(context)
    assert (await only(context, "people", _id=alice.id))["wxname"] == "新名字"
    assert (await state_of(context, doubtful))["review"] == "shown"
    assert (await state_of(context, pushed))["review"] == "shown"
    waiting = await find(context, "reviews", state="checking")
    assert [(review["text_said"], review["picture_said"]) for review in waiting] == [("pass", "")] * 12


async def test_a_text_that_wechat_never_answers_about_holds_up_no_other_text(context, monkeypatch, alice):
    never = await alice.publish(name="永远没有回答")
    others = [await alice.publish() for _ in range(3)]
    check_text = context.wechat.check_text

    async def check(openid: str, scene: int, text: str) -> Any:
        if "永远" in text:
            raise WeChatBusy
        return await check_text(openid, scene, text)

    monkeypatch.setattr(context.wechat, "check_text", check)
    await settle(context)
    shown = [(await state_of(context, code))["review"] for code in (never, *others)]
    assert shown == ["checking", "shown", "shown", "shown"]


async def publish(alice: Someone, urls: list[str]) -> str:
    """Publish a treasure with a kind of goods for each picture; return the code.

    The first picture is also the treasure's own.
    """
    rules = {"prize_num": len(urls), "forecast_num": 9, "interval": 4, "fluctuation": 1}
    kinds = [{"name": f"第 {n} 种", "prize_num": 1, "url": url} for n, url in enumerate(urls)]
    return await alice.publish(**rules, url=urls[0], prizes=kinds, **await alice.halves())


async def test_each_picture_of_a_kind_is_checked_before_anybody_sees_it(client, context, alice, bob):
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in ("red", "green", "blue")]
    code = await publish(alice, urls)
    assert "第 1 种" in (await only(context, "reviews"))["text"]
    for path in (urlsplit(url).path for url in urls[1:]):
        assert (await client.http.get(path)).status_code != 200
    await settle(context)
    page = await bob.get("/getTaskDetails", code=code)
    assert [urlsplit(rank["pic"]).path for rank in page["ranks"]] == [urlsplit(url).path for url in urls]
    for rank in page["ranks"]:
        for address in (rank["pic"], rank["thumbnail"]):
            assert (await client.http.get(urlsplit(address).path)).status_code == 200


async def test_names_and_pictures_of_kinds_are_edited_and_checked_but_no_numbers(client, context, alice, bob):
    colours = ("red", "green", "blue")
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in colours]
    code = await publish(alice, urls[:2])
    await settle(context)
    before = await bob.get("/getTaskDetails", code=code)
    plain = await alice.publish()
    two = [{"name": "金奖"}, {"name": "银奖", "url": urls[2]}]
    for bad, msg in (
        (two[:1], "“各种奖品”应为埋下时的 2 种"),
        ([*two, two[0]], "“各种奖品”应为埋下时的 2 种"),
        ([{"name": " "}, two[1]], "第 1 种奖品：“名称”应为 1 到 20 个字"),
        ([two[0], {"name": "银奖", "url": "/files/none.jpg"}], "“第 2 种奖品的图片”"),
        *(
            ([two[0], two[1] | {name: 1}], "第 2 种奖品：份数和金额埋下时就定了，只能改名称和图片")
            for name in ("prize_num", "money", "money_fen", "sum_fen", "value")
        ),
        ("[1]", "“各种奖品”应为"),
    ):
        refused = await alice.post("/editTask", code=code, name="各有各的图", prizes=bad)
        assert (refused.get("param"), refused["msg"][: len(msg)]) == ("prizes", msg)
    refused = await alice.post("/editTask", code=plain, name="猫", prizes=two)
    assert refused["msg"] == "这个宝贝只有一种奖品，没有“各种奖品”可以改"
    assert (await alice.get("/getTaskDetails", code=code))["ranks"] == before["ranks"]
    for edition, prizes in enumerate((json.dumps(two), two), 1):  # as in a form, and as in JSON
        reply = await alice.post("/editTask", code=code, name=f"第 {edition} 版", prizes=prizes)
        assert (reply["review"], reply["edited"]) == ("checking", edition), reply
    [review] = await find(context, "reviews", code=code)
    assert {"金奖", "银奖"} <= set(review["text"].splitlines())
    assert [review["picture"], *review["more"]] == [urlsplit(urls[at]).path for at in (0, 2)]
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    await settle(context)
    after = await bob.get("/getTaskDetails", code=code)
    assert after["commitment"] == before["commitment"]
    for at, name, old, rank in zip((0, 2), ("金奖", "银奖"), before["ranks"], after["ranks"], strict=True):
        assert (rank.pop("name"), urlsplit(rank.pop("pic")).path) == (name, urlsplit(urls[at]).path)
        assert rank.items() - {("thumbnail", rank["thumbnail"])} <= old.items()
    await context.store.files.collection.update_many({}, {"$set": {"metadata.delete_at": 1}})
    while await tidy_files(context):
        pass
    assert [(await client.http.get(urlsplit(url).path)).status_code for url in urls] == [200, 404, 200]


async def test_a_bad_picture_of_the_last_kind_refuses_the_whole_treasure(client, context, alice):
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in ("red", "green")]
    code = await publish(alice, urls)
    [review] = await find(context, "reviews")
    while review["picture"] != urlsplit(urls[1]).path:
        await settle_reviews(context)
        await rest(context)
        await send_notices(context)
        await rest(context)
        [review] = await find(context, "reviews")
    await client.misbehave("judge", call="media_check_async", code="risky")
    await settle(context)
    assert (await alice.get("/getTaskDetails", code=code))["review"] == "refused"
    other = await client.log_in("mallory")
    stolen = await other.draft(prizes=[{"name": "偷", "prize_num": 1, "url": urls[0]}])
    reply = await other.post("/postTask", **stolen, **await other.halves())
    assert (reply["error"], reply["param"]) == ("bad_request", "prizes")
    assert "第 1 种奖品的图片" in reply["msg"]


async def profile_of(context: Context, someone: Someone) -> dict[str, Any]:
    """Return the name and picture that others see of a person."""
    person = await person_of(context, someone)
    return {name: person[name] for name in ("wxname", "wxheadpic") if name in person}  # type: ignore[literal-required]


async def uploaded(someone: Someone) -> str:
    """Upload a picture; return its path."""
    return urlsplit((await someone.upload(a_picture()))["url"]).path


async def test_two_choices_at_once_are_both_kept(context, monkeypatch, alice):
    face = await uploaded(alice)
    with monkeypatch.context() as patch:
        meanwhile(patch, context.store.reviews, "replace_profiles", before=asyncio.Barrier(2).wait)
        asked = (alice.post("/setProfile", wxname="甲"), alice.post("/setProfile", wxheadpic=face))
        replies = await asyncio.gather(*asked)
    assert [reply["review"] for reply in replies] == ["checking", "checking"]
    assert len(await find(context, "reviews")) == 1
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "甲", "wxheadpic": face}
    assert await find(context, "reviews") == []


@pytest.mark.parametrize("step", ["insert", "replace_profiles"])
async def test_killed_at_any_step_of_a_choice_the_older_one_is_not_shown_after_it(context, step, alice):
    await alice.post("/setProfile", wxname="甲")
    with mock.patch.object(context.store.reviews, step, failing(Killed())), pytest.raises(Killed):
        await set_profile(context, alice.id, "乙", None)
    # The older name is reviewed last, as if the process that submitted the newer name had a slow clock.
    await context.store.reviews.rows.update_many({"wxname": "甲"}, {"$inc": {"due_at": 5_000}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}
    assert await find(context, "reviews") == []


async def test_killed_before_a_first_choice_is_submitted_a_sweep_does_it_unless_erasing(context, alice):
    people = context.store.people
    with mock.patch.object(context.store.reviews, "insert", failing(Killed())), pytest.raises(Killed):
        await set_profile(context, alice.id, "乙", None)
    await settle_reviews(context)  # too early: the process may only be slow
    assert (await profile_of(context, alice), await find(context, "reviews")) == ({}, [])
    await people.lock_out(await person_of(context, alice))
    await people.rows.update_one({"_id": alice.id}, {"$set": {"due_at": 1}})
    await settle_reviews(context)
    assert (await profile_of(context, alice), await find(context, "reviews")) == ({}, [])
    await people.let_in(alice.id)  # the account is kept after all
    await people.rows.update_one({"_id": alice.id}, {"$set": {"due_at": 1}})
    await settle(context)
    assert await profile_of(context, alice) == {"wxname": "乙"}
    assert await find(context, "reviews") == []
    await set_profile(context, alice.id, "丙", None)
    assert await find(context, "people", due_at={"$exists": True}) == []


async def test_an_operator_who_approves_an_older_choice_shows_it_to_nobody(context, alice):
    await alice.post("/setProfile", wxname="【存疑】")
    await settle(context)
    (held,) = await find(context, "reviews")
    # The process that replaces it is too slow.
    with mock.patch.object(context.store.reviews, "replace_profiles", mock.AsyncMock()):
        await alice.post("/setProfile", wxname="小明")
    await settle(context)
    await decide_review(context, ME, held["_id"], "没有问题", shown=True)
    assert await profile_of(context, alice) == {"wxname": "小明"}


async def test_name_and_picture_that_a_login_brings_are_checked_too(client, context):
    alice = await client.log_in("alice", nickname="小爱")
    given = alice.data["nickName"]
    assert (given, alice.data["avatarUrl"], alice.data["named"]) == (given_name(alice.id), "", 0)
    assert await profile_of(context, alice) == {}
    await settle(context)
    assert (await client.log_in("alice", nickname="小爱")).data["nickName"] == "小爱"
    bad = await client.log_in("bob", nickname="【违规】词")
    for _ in range(2):
        await settle(context)
        assert bad.data["nickName"] == given_name(bad.id)
        (review,) = await find(context, "reviews", person_id=bad.id)
        assert review["state"] == "refused"
        bad = await client.log_in("bob", nickname="【违规】词")
        assert [each["_id"] for each in await find(context, "reviews", person_id=bad.id)] == [review["_id"]]
    await alice.post("/setProfile", wxname="自己起的名")
    await settle(context)
    again = await client.log_in("alice", nickname="小爱")
    await settle(context)
    assert again.data["nickName"] == "自己起的名"
    assert (await profile_of(context, again))["wxname"] == "自己起的名"


async def test_a_picture_stays_while_it_is_looked_at_and_for_good_once_shown(client, context, alice):
    await client.misbehave("judge", call="media_check_async", code="review", times=2)
    first = await uploaded(alice)
    await alice.post("/setProfile", wxheadpic=first)
    await settle(context)
    for _ in range(2):
        await let_files_age(context, 3 * DAY_MS)
        await tidy_files(context)
        assert (await client.http.get(signed_path(context, first))).status_code == 200
    second = await uploaded(alice)
    await alice.post("/setProfile", wxheadpic=second)
    await settle(context)
    (held,) = await find(context, "reviews")
    await decide_review(context, ME, held["_id"], "没有问题", shown=True)
    await let_files_age(context, 3 * DAY_MS)
    while await tidy_files(context):
        pass
    assert (await profile_of(context, alice))["wxheadpic"] == second
    assert (await client.http.get(signed_path(context, first))).status_code == 404  # it was never shown
    (left,) = await find(context, "pictures.files", **{"metadata.file_id": {"$exists": True}})
    assert (left["_id"], left["metadata"]["kept"]) == (second.removeprefix("/files/"), 1)


async def test_a_refused_picture_is_served_to_nobody_and_goes(client, context, alice):
    await client.misbehave("judge", call="media_check_async", code="risky")
    path = await uploaded(alice)
    seen = [signed_path(context, each) for each in (path, path.replace(".", "_t."))]
    assert [(await client.http.get(each)).status_code for each in seen] == [200, 200]
    await alice.post("/setProfile", wxheadpic=path)
    await settle(context)
    assert [(await client.http.get(each)).status_code for each in seen] == [404, 404]
    assert (await alice.post("/setProfile", wxheadpic=path))["error"] == "bad_request"
    await tidy_files(context)
    assert await find(context, "pictures.files", **{"metadata.file_id": {"$exists": True}}) == []


async def test_a_first_treasure_is_signed_by_the_name_that_was_just_chosen(context, alice, bob, carol):
    await context.store.people.rows.update_one({"_id": alice.id}, {"$set": {"nickName": ""}})
    await alice.post("/setProfile", wxname="小红")
    code = await alice.publish()
    await settle(context)
    task = await bob.get("/getTaskDetails", code=code)
    assert (task["wxname"], task["signed"]) == ("小红", 0)

    await alice.post("/setProfile", wxname="小明")  # others see the old name until the new one passes
    code = await alice.publish()
    await settle(context)
    assert (await bob.get("/getTaskDetails", code=code))["wxname"] == "小红"

    # A first treasure shows no name that did not pass.
    for name, review in (("【违规】", "refused"), ("【存疑】", "held")):
        await context.store.people.rows.update_one({"_id": carol.id}, {"$set": {"nickName": ""}})
        await carol.post("/setProfile", wxname=name)
        code = await carol.publish()
        await settle(context)
        assert (await carol.get("/getTaskDetails", code=code))["review"] == review
