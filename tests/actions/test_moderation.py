"""Reports: which count, and what they cause. Bans: what they forbid, and when each process learns of them."""

import asyncio
from typing import Any

import pytest

from server.actions.digging.dig import DigAttempt, dig
from server.actions.people.account import check_ban
from server.actions.reviews.report import REPORTED_NOTE
from server.cash.actions.pay_in import NOT_BEGUN
from server.context import Context
from server.errors import Banned, NotShown, TokenRequired
from server.game.amounts import DAY_MS
from server.game.review import review_of
from server.leading.sweep import sweep
from support.client import Client, Someone, a_picture
from support.meanwhile import meanwhile
from support.operators import hide
from support.purse import expect_balance, find, let_pass, rest, sweep_until_quiet
from support.reviews import read_again

pytestmark = pytest.mark.usefixtures("operating")

TO_HOLD = 3
ENVIRONMENT = {"REPORTS_TO_HOLD": str(TO_HOLD)}


async def grow_old(context: Context, *people: Someone) -> None:
    """Move people's first login more than a day back."""
    ids = [someone.id for someone in people]
    long_ago = {"created_at": context.clock.now_ms() - DAY_MS - 1}
    await context.store.people.rows.update_many({"_id": {"$in": ids}}, {"$set": long_ago})


async def who_counts(client: Client, context: Context, number: int, *codes: str) -> list[Someone]:
    """Return people whose reports count: they logged in long ago, and dug in these tasks."""
    people = [await client.log_in(f"old-{k}") for k in range(number)]
    for someone in people:
        for code in codes:
            assert (await someone.dig(code))["status"] == 0
    await grow_old(context, *people)
    return people


async def report(someone: Someone, code: str, reason: str = "fraud", text: str = "") -> dict[str, Any]:
    return await someone.post("/report", code=code, reason=reason, text=text)


async def is_hidden(context: Context, code: str) -> bool:
    task = await context.store.tasks.get(code)
    return bool(task["hidden"])


async def test_enough_people_who_count_hide_a_task_until_an_operator_decides(client, context, alice, code):
    people = await who_counts(client, context, 2 * TO_HOLD, code)
    for someone in people[: TO_HOLD - 1]:  # who reports often counts once
        asked = (report(someone, code, text="一直不发货") for _ in range(TO_HOLD))
        assert {reply["status"] for reply in await asyncio.gather(*asked)} == {0}
    assert len(await find(context, "reports")) == TO_HOLD - 1
    assert not await is_hidden(context, code)
    [queued] = (await client.get("/ops/reports"))["data"]
    assert (queued["task"]["code"], queued["number"], queued["reasons"]) == (code, 2, {"fraud": 2})
    assert [each["text"] for each in queued["reporters"] if each["text"]] == ["一直不发货"] * 2
    assert (await client.http.get(queued["pic"])).headers["Content-Type"] == "image/jpeg"
    assert all(someone.unionid not in str(queued) for someone in people)
    assert (await report(people[TO_HOLD - 1], code, "vulgar"))["status"] == 0
    assert await is_hidden(context, code)
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["review"], details["review_note"]) == ("held", REPORTED_NOTE)
    [position] = await context.store.tasks.positions([code])  # other processes read the state here
    assert review_of(position) == "held"
    await hide(client, code, 0, "没有问题")
    assert (await client.get("/ops/reports"))["data"] == []
    for someone in people[TO_HOLD:-1]:
        await report(someone, code)
    assert not await is_hidden(context, code)
    await report(people[-1], code)
    assert await is_hidden(context, code)


async def test_a_storm_from_new_accounts_and_from_people_who_never_dug_does_nothing(client, context, alice):
    code = await alice.publish()
    other = await alice.publish(forecast_num=100_000, cd=0)
    new = [await client.log_in(f"new-{k}") for k in range(TO_HOLD + 1)]
    for someone in new:
        assert (await someone.dig(other))["status"] == 0
    idle = [await client.log_in(f"idle-{k}") for k in range(TO_HOLD + 1)]
    await grow_old(context, *idle)
    replies = await asyncio.gather(*(report(someone, code) for someone in [*new, *idle]))
    assert [reply["status"] for reply in replies] == [0] * len(replies)
    assert not await is_hidden(context, code)
    assert (await client.get("/ops/reports"))["data"] == []
    assert len(await context.store.reports.of_task(code, 100)) == len(replies)
    # Those who dug elsewhere long ago do not count either, but are queued.
    for someone in await who_counts(client, context, TO_HOLD, other):
        await someone.get("/getTaskDetails", code=code)
        assert (await report(someone, code))["status"] == 0
    assert not await is_hidden(context, code)
    [queued] = (await client.get("/ops/reports"))["data"]
    assert queued["number"] == TO_HOLD


async def test_a_report_made_just_after_a_decision_is_not_closed_by_it(client, context, monkeypatch, code):
    bob, carol = await who_counts(client, context, 2, code)
    await report(bob, code)
    meanwhile(monkeypatch, context.store.reports, "close_decided", before=lambda: report(carol, code))
    await hide(client, code, 0, "没有问题")
    [queued] = (await client.get("/ops/reports"))["data"]
    assert queued["number"] == 1


@pytest.mark.parametrize("hidden", [1, 0])
async def test_a_page_waits_for_what_was_just_decided(client, context, monkeypatch, alice, bob, code, hidden):
    await hide(client, code, 1 - hidden)
    for someone in (alice, bob):
        await someone.get("/getTaskDetails", code=code)
    pinged = asyncio.Event()

    async def note_ping() -> None:
        pinged.set()

    meanwhile(monkeypatch, context.hub, "_read", before=pinged.wait)
    meanwhile(monkeypatch, context.bus, "caught_up", after=note_ping)
    await hide(client, code, hidden)
    asked = [someone.get("/getTaskDetails", code=code) for someone in (alice, bob)]
    details, strangers = await asyncio.gather(*asked)
    assert details["review"] == ("hidden" if hidden else "shown")
    assert strangers.get("error", "") == ("no_such_task" if hidden else "")


@pytest.mark.parametrize("state", [{"hidden": 1}, {"hidden": 1, "reported": 1}], ids=str)
async def test_a_person_who_may_not_see_a_hidden_task_cannot_report_it(client, context, state, alice):
    code = await alice.publish(forecast_num=100_000)
    bob, carol = await who_counts(client, context, 2, code)
    assert (await bob.dig(code))["is_prize"] == 0
    assert (await report(carol, code))["status"] == 0
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": state})
    refused = await report(bob, code)
    assert (refused["error"], refused["msg"]) == ("no_such_task", NotShown.default_msg)
    assert (await report(carol, code))["status"] == 0  # repeated, as by a client that got no reply
    assert [each["person_id"] for each in await find(context, "reports")] == [carol.id]


async def test_a_winners_report_of_a_task_that_an_operator_hid_reopens_no_queue(client, context, alice):
    code = await alice.publish(prize_num=TO_HOLD, forecast_num=TO_HOLD, interval=1, fluctuation=0, cd=0)
    people = await who_counts(client, context, TO_HOLD, code)
    await rest(context)
    assert await context.store.prizes.number(code) == TO_HOLD
    await hide(client, code, 1)
    for someone in people:
        assert (await report(someone, code))["status"] == 0
    assert (await client.get("/ops/reports"))["data"] == []
    assert await context.store.reports.waiting_number(context.clock.now_ms() + DAY_MS) == 0
    assert len(await context.store.reports.of_task(code, 10)) == TO_HOLD
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["review"], details["review_note"]) == ("hidden", "违法")


async def test_a_report_that_cannot_be_is_refused_and_any_text_is_taken(client, context, alice, bob, code):
    assert (await report(alice, code))["error"] == "bad_request"
    assert (await report(alice, "A" * 12))["error"] == "no_such_task"
    bare = await client.post("/report", unionid=alice.unionid, code=code, reason="other")
    assert bare["error"] == "token_required"
    assert await find(context, "reports") == []
    for text in ["😀" * 200, "\u200b" * 200, "一行\n两行", ""]:
        code = await alice.publish()
        assert (await report(bob, code, text=text))["status"] == 0
        [saved] = await context.store.reports.of_task(code, 10)
        assert len(saved["text"]) <= 200


async def test_nobody_takes_part_in_a_second_hiding_before_the_first_is_decided(client, context, alice):
    codes = [await alice.publish() for _ in range(3)]
    people = await who_counts(client, context, 2 * TO_HOLD, *codes)
    same = people[:TO_HOLD]

    async def hidden() -> list[str]:
        return [code for code in codes if await is_hidden(context, code)]

    await asyncio.gather(*(report(someone, code) for code in codes[:2] for someone in same))
    for code in codes[:2]:  # again, but one report after the other, which helps them most
        for someone in same:
            await report(someone, code)
    [first] = await hidden()
    [other] = set(codes[:2]) - {first}
    took_part = [each["code"] for each in await find(context, "reports", hides=1)]
    assert took_part == [first] * TO_HOLD
    for someone in people[TO_HOLD:]:  # those who count nowhere else keep nobody from counting
        assert await hidden() == [first]
        await report(someone, other)
    assert set(await hidden()) == {first, other}
    await let_pass(context, DAY_MS + 1)
    await sweep(context)
    assert await hidden() == []
    for _ in range(2):
        for someone in same:
            await report(someone, codes[2])
        decided = bool((await context.store.tasks.get(first)).get("decided"))
        assert await hidden() == codes[2:] * decided
        await hide(client, first, 0, "没有问题")


async def test_what_reports_hid_is_shown_after_a_day_and_they_do_not_hide_it_again(client, context, code):
    people = await who_counts(client, context, 3 * TO_HOLD, code)
    for someone in people[:TO_HOLD]:
        await report(someone, code)
    assert await context.store.moderation.reported_number() == 1
    await let_pass(context, DAY_MS - 60_000)
    await sweep(context)
    assert await is_hidden(context, code)
    await let_pass(context, 60_001)
    await sweep(context)
    assert not await is_hidden(context, code)
    await read_again(context, code)
    assert (await people[-1].get("/getTaskDetails", code=code))["review"] == "shown"
    assert await context.store.moderation.reported_number() == 0
    for someone in people[: 2 * TO_HOLD]:
        await report(someone, code)
    assert not await is_hidden(context, code)
    [queued] = (await client.get("/ops/reports"))["data"]
    assert queued["number"] == 2 * TO_HOLD
    # An operator looked and found nothing wrong. Only reports after this decision count.
    await hide(client, code, 0, "没有问题")
    for someone in people[2 * TO_HOLD :]:
        await report(someone, code)
    assert await is_hidden(context, code)
    [task] = await find(context, "tasks")
    moves = [(moved["move"], moved["by"]) for moved in task["history"]]
    assert moves == [("hidden_by_reports", "people")] * 2


@pytest.mark.parametrize("who", ["nobody", "show", "hide"])
async def test_what_reports_hide_stands_still_and_ends_that_much_later(client, context, alice, bob, who):
    code = await alice.paid_packet(prize_num=2, forecast_num=2, interval=10, fluctuation=0)
    hour_ms = 3_600_000
    tasks = context.store.tasks
    ends_ms = context.clock.now_ms() + hour_ms
    await tasks.collection.update_one({"_id": code}, {"$set": {"expires_at": ends_ms, "due_at": ends_ms}})
    for someone in await who_counts(client, context, TO_HOLD, code):
        await report(someone, code)
    assert (await bob.dig(code))["error"] == "no_such_task"
    await sweep_until_quiet(context, DAY_MS - 60_000)
    assert (await alice.post("/endTask", code=code))["error"] == "has_digs"
    assert (await tasks.get(code))["status"] == 0
    if who == "nobody":
        await sweep_until_quiet(context, 60_001)
    else:
        await hide(client, code, int(who == "hide"), "看过了")
    assert (await alice.post("/endTask", code=code))["error"] == "has_digs"
    task = await tasks.get(code)
    assert (task["status"], task["hidden"]) == (0, int(who == "hide"))
    assert task["expires_at"] - context.clock.now_ms() == pytest.approx(hour_ms, abs=60_000)
    assert (await bob.dig(code)).get("error") == ("no_such_task" if who == "hide" else None)
    assert await find(context, "refunds") == []
    await expect_balance(context)
    await sweep_until_quiet(context, hour_ms)
    assert (await tasks.get(code))["end_reason"] == "expired"


REASON = "用脚本挖宝"


async def ban(client: Client, code: str, depth: int = 0, days: int = 0) -> None:
    reply = await client.post("/ops/ban", code=code, depth=depth, days=days, reason=REASON)
    assert reply["status"] == 0, reply


async def acts_of(someone: Someone, code: str, url: str) -> list[str]:
    """Try all that a ban forbids; return each outcome."""
    draft = {"goods_type": 2, "url": url, "name": "猫", "prize_num": 1, "forecast_num": 9, "draw_type": 1}
    replies = [
        await someone.dig(code),
        await someone.post("/postTask", **draft),
        await someone.upload(a_picture()),
        await someone.post("/setProfile", wxname="新名字"),
        await report(someone, code),
    ]
    for reply in replies:
        if reply["status"]:
            assert REASON in reply["msg"]
    return [reply.get("error", "") for reply in replies]


async def test_who_is_banned_may_only_look_and_claim_in_any_process(client, context, other_port, alice, bob):
    won = await alice.won_goods(bob, draw_type=1)
    code = await alice.publish(forecast_num=100_000, cd=0)
    url = (await bob.upload(a_picture()))["url"]
    await ban(client, won, depth=1)
    assert (await bob.get("/getMyInfo"))["error"] == "bad_token"
    bob = await client.log_in("bob")

    async def outcomes() -> list[str]:
        there = f"http://127.0.0.1:{other_port}/uploadFile"
        headers = {"Authorization": f"Bearer {bob.token}"}
        uploaded = await client.http.post(there, files={"file": a_picture()}, headers=headers)
        return [*await acts_of(bob, code, url), uploaded.json().get("error", "")]

    assert await outcomes() == ["banned"] * 6
    seen = await bob.get("/getTaskDetails", code=code)
    assert (seen["why"], seen["can_dig"], REASON in seen["why_note"]) == ("banned", 0, True)
    theirs = await alice.get("/getTaskDetails", code=code)
    assert (theirs["now_depth"], theirs["why"], theirs["why_note"]) == (0, "own_task", "")
    assert await context.store.tasks.released_number(bob.id) == 0
    assert (await bob.get("/getTaskList"))["status"] == 0
    claimed = await bob.claim(won)
    assert (claimed["status"], len(claimed["pickup"])) == (0, 6)
    seen = await client.get("/ops/person", code=won, depth=1)
    assert (seen["released"], seen["dug"], seen["joined"], seen["prizes"]) == (0, 1, 1, {"claiming": 1})
    assert not [secret for secret in (bob.unionid, bob.data["openid"]) if secret in str(seen)]
    assert (await client.post("/ops/unban", code=won, depth=1, reason="已核实"))["status"] == 0
    lifted = await bob.get("/getTaskDetails", code=code)
    assert (lifted["why"], lifted["can_dig"], lifted["why_note"]) == ("", 1, "")
    assert await outcomes() == [""] * 6
    log = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["target"], act["outcome"]) for act in log] == [
        ("unban", f"{won}:1", "done"),
        ("ban", f"{won}:1", "done"),
    ]


async def test_who_is_banned_pays_nothing_and_an_earlier_order_is_paid_back(client, context, alice, bob):
    code, other = [await alice.publish_packet(money=2) for _ in range(2)]
    parameters = await alice.order(code)
    await ban(client, code)
    refused = await (await client.log_in("alice")).post("/payTask", code=other, money=2)
    assert (refused["error"], REASON in refused["msg"]) == ("banned", True)
    assert await context.books.orders.find_live(other) is None
    assert (await client.wx("pay", **parameters)).endswith(":ok")
    await rest(context)
    assert (await bob.dig(code))["error"] == "not_paid"
    await sweep_until_quiet(context)
    [paid] = await find(context, "orders")
    [refund] = await find(context, "refunds")
    assert (paid["state"], refund["state"], refund["amount_fen"]) == ("unusable", "refunded", 200)
    await expect_balance(context)
    page = await bob.get("/getTaskDetails", code=code)
    assert (page["data"]["status"], page["end_note"], REASON in str(page)) == (1, NOT_BEGUN, False)


async def test_nothing_is_saved_of_a_publisher_banned_meanwhile(client, context, monkeypatch, alice):
    draft = await alice.draft()
    code = await alice.publish()
    meanwhile(monkeypatch, context.store.files, "take", after=lambda: ban(client, code))
    assert (await alice.post("/postTask", **draft))["error"] == "banned"
    assert await context.store.tasks.released_number(alice.id) == 1


async def test_a_dig_that_waits_while_its_digger_is_banned_is_refused(client, context, alice, bob):
    code = await alice.publish(forecast_num=100_000, cd=0)
    await bob.dig(code)
    person = await context.store.people.find(bob.id)
    turn = context.digging.tasks_turn(code)
    await turn.acquire()
    waiting = asyncio.ensure_future(dig(context, DigAttempt(code, bob.id)))
    await ban(client, code, depth=1)
    turn.release()
    with pytest.raises(TokenRequired):  # a ban ends their tokens, too
        await waiting
    assert person is not None
    assert (await alice.get("/getTaskDetails", code=code))["now_depth"] == 1


def test_a_ban_ends_by_itself():
    person: Any = {"_id": "x", "banned": {"reason": REASON, "at": 0, "until": DAY_MS}}
    with pytest.raises(Banned, match="到 1970 年 1 月 2 日 08:00 为止。理由：用脚本挖宝"):
        check_ban(person, DAY_MS - 1)
    assert check_ban(person, DAY_MS) is person
    with pytest.raises(Banned, match="已被停用。理由"):
        check_ban({**person, "banned": {"reason": REASON, "at": 0, "until": 0}}, 1 << 50)
