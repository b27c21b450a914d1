"""Publishing: the draw together with the server, announced times, the hand-over, and later edits."""

import asyncio
import hashlib
import json
import secrets
from functools import partial
from typing import Any, ClassVar
from unittest import mock
from urllib.parse import urlsplit

import msgspec

from server.actions.digging.commit import COMMITTED_MS
from server.actions.reviews.review import follow_review
from server.context import Context
from server.game import draw
from server.game.amounts import DAY_MS, FOLLOWED_MS
from server.game.task import AHEAD_DAYS
from server.security.keys import Keys
from server.store.digging.tasks import Tasks
from support.client import ADDRESS, Someone, a_picture
from support.meanwhile import failing, meanwhile
from support.purse import HOUR_MS, expect_balance, find, only, rest, sweep_until_quiet
from support.reviews import CHECKED, settle

NONCE = "00112233445566778899aabbccddeeff"
PARAMS = ("code", "fluctuation", "forecast_num", "interval", "max_depth", "nonce", "prize_num", "seed_hash")
RULES = {"prize_num": 3, "forecast_num": 4, "interval": 4, "fluctuation": 2, "cd": 0}


async def tasks_of(context: Context) -> list[str]:
    return [task["_id"] async for task in context.store.tasks.collection.find({})]


async def test_a_task_drawn_together_is_proven_from_its_publication_to_its_end(client):
    alice, *crowd = await client.log_in_all("alice", "bob", "carol", "dave")
    half = await alice.get("/commitment")
    nonce = secrets.token_hex(16)
    code = await alice.publish(**RULES, sealed_seed=half["sealed_seed"], nonce=nonce)
    # At once, anybody can recompute the commitment from public values, and the publisher sees both halves.
    for someone in (alice, crowd[0]):
        shown = await someone.get("/getTaskDetails", code=code)
        assert (shown["rules_version"], shown["seed_hash"], shown["nonce"]) == (2, half["seed_hash"], nonce)
        params = json.dumps({name: shown[name] for name in PARAMS} | {"version": 2}, separators=(",", ":"))
        assert shown["commitment"] == hashlib.sha256(params.encode()).hexdigest()
    wins = []
    for depth in range(1, 20):
        digger = crowd[len(wins)]
        dug = await digger.dig(code)
        if dug["is_prize"]:
            wins.append(depth)
        if dug["task_status"]:
            break
    proof = msgspec.convert(await alice.get("/getProof", code=code), draw.Proof)
    assert proof.params == params
    assert proof.winning_depths == wins
    assert hashlib.sha256(bytes.fromhex(proof.seed)).hexdigest() == half["seed_hash"]
    noted = {"seed_hash": half["seed_hash"], "nonce": nonce}
    assert draw.differences(proof, shown["commitment"], **noted) == []


async def test_a_commitment_of_another_or_one_that_was_changed_publishes_nothing(context, alice, bob):
    asked = await alice.draft(**RULES)
    half = await alice.halves()
    sealed = half["sealed_seed"]
    others = (await bob.halves())["sealed_seed"]
    of_a_task = context.keys.seal("seed", bytes(40), alice.id)
    bent = [f"{sealed[:at]}{int(sealed[at], 16) ^ 1:x}{sealed[at + 1 :]}" for at in (0, 50)]
    for wrong in (others, of_a_task["key"] + of_a_task["box"].hex(), *bent, sealed[:-1], sealed + "00"):
        reply = await alice.post("/postTask", **asked, sealed_seed=wrong, nonce=NONCE)
        assert (reply["error"], reply["param"]) == ("bad_commitment", "sealed_seed")
    assert await tasks_of(context) == []
    assert (await alice.post("/postTask", **asked, **half))["status"] == 0


async def test_a_commitment_is_good_for_a_day(context, monkeypatch, alice):
    asked = await alice.draft(**RULES)
    half = await alice.get("/commitment")
    late = half["expires_at"]
    assert abs(late - context.clock.now_ms() - COMMITTED_MS) < 60_000
    sent = {"sealed_seed": half["sealed_seed"], "nonce": NONCE}
    monkeypatch.setattr(context.clock, "now_ms", lambda: late)
    refused = await alice.post("/postTask", **asked, **sent)
    assert refused["error"] == "bad_commitment"
    assert "过期" in refused["msg"]
    assert await tasks_of(context) == []
    monkeypatch.setattr(context.clock, "now_ms", lambda: late - 1)
    published = await alice.post("/postTask", **asked, **sent)
    # A publisher who got no reply may send the same request again, even a day later.
    monkeypatch.setattr(context.clock, "now_ms", lambda: late + COMMITTED_MS)
    assert (await alice.post("/postTask", **asked, **sent))["code"] == published["code"]


async def test_no_seed_makes_a_second_task_even_once_known_or_after_a_rotation(context, monkeypatch, alice):
    """A publisher who ends an undug task learns its seed, and could choose a nonce to get certain depths."""
    asked = await alice.draft(**RULES)
    half = await alice.halves()
    unused = await alice.halves()
    code = (await alice.post("/postTask", **asked, **half))["code"]
    assert (await alice.post("/endTask", code=code))["status"] == 0
    assert (await alice.get("/getProof", code=code))["status"] == 0
    new = b"the secret of after: 32 characters or more"
    monkeypatch.setattr(context, "keys", Keys(new, context.settings.secret_key.encode()))
    assert (await alice.post("/postTask", **asked, **half))["code"] == code
    for publisher in (alice.id, "who was erased and came back"):
        await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"publisher": publisher}})
        again = await alice.post("/postTask", **asked | half | {"nonce": NONCE})
        assert (again["error"], again["param"]) == ("bad_commitment", "sealed_seed")
        assert "用过" in again["msg"]
    assert await tasks_of(context) == [code]
    assert (await alice.post("/postTask", **asked, **unused))["status"] == 0


async def test_one_commitment_sent_many_times_at_once_makes_one_task(context, alice):
    asked = await alice.draft(**RULES)
    half = await alice.halves()
    nonces = [NONCE, half["nonce"]] * 3
    sent = [alice.post("/postTask", **asked | half | {"nonce": nonce}) for nonce in nonces]
    replies = await asyncio.gather(*sent)
    [code] = {reply["code"] for reply in replies if reply["status"] == 0}
    assert {reply["error"] for reply in replies if reply["status"]} == {"bad_commitment"}
    task = await context.store.tasks.get(code)
    stored = draw.read_rules(task["params"]).nonce
    assert [reply["status"] == 0 for reply in replies] == [nonce == stored for nonce in nonces]
    assert await tasks_of(context) == [code]


async def begin(context: Context, code: str) -> None:
    """Make an announced task one that began just now."""
    now_ms = context.clock.now_ms() - 1
    begun = {"starts_at": now_ms, "opened_at": now_ms, "cd_until": now_ms}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": begun})
    context.hub.cooldowns.forget(code)
    context.square.forget()


async def listed(someone: Someone, **wanted: Any) -> list[str]:
    return [card["code"] for card in (await someone.get("/getTaskList", **wanted))["data"]]


async def test_an_announced_treasure_cools_down_until_it_starts(context, alice, bob, carol):
    now_ms = context.clock.now_ms()
    starts_at = now_ms + 3 * HOUR_MS
    ends_at = now_ms + 5 * HOUR_MS
    code = await alice.publish(cd=1, forecast_num=3_500, starts_at=starts_at, ends_at=ends_at)
    other = await alice.publish(cd=1, forecast_num=3_500, starts_at=starts_at - 1)
    seen = await bob.get("/getTaskDetails", code=code)
    assert (seen["is_cd"], seen["can_dig"], seen["why"]) == (1, 0, "cooling_down")
    assert (seen["cd_until"], seen["starts_at"], seen["expires_at"]) == (starts_at, starts_at, ends_at)
    for who in (bob, carol):  # bob is refused from the store, carol from memory
        refused = await who.dig(code, dig_id="too-early-1")
        assert (refused["error"], refused["cd_until"]) == ("cooling_down", starts_at)
        assert "还没有开挖，还要等 3 小时" in refused["msg"]
    assert (await alice.dig(code))["error"] == "own_task"
    assert await listed(bob) == []
    assert await listed(bob, upcoming=1) == await listed(bob, upcoming=1, name="只") == [other, code]
    assert await listed(bob, upcoming=1, kind="on_site") == []
    assert await listed(bob, name="一只") == [other, code]
    assert await listed(bob, upcoming=1, name="没有") == []
    await begin(context, code)
    assert await listed(bob) == [code]
    assert await listed(bob, upcoming=1) == [other]
    assert (await bob.dig(code))["now_depth"] == 1
    context.square.forget()
    [card] = (await bob.get("/getTaskList"))["data"]
    assert (card["expires_at"], card["is_cd"]) == (ends_at, 1)


async def test_times_that_do_not_fit_are_refused_in_words(context, alice):
    draft = await alice.draft(forecast_num=9)
    now_ms = context.clock.now_ms()
    days = context.settings.task_days * DAY_MS
    for times, param in (
        ({"starts_at": now_ms - 1000}, "starts_at"),
        ({"starts_at": now_ms + (AHEAD_DAYS + 1) * DAY_MS}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": now_ms - 1000}, "ends_at"),
        ({"ends_at": now_ms + days + HOUR_MS}, "ends_at"),
        ({"starts_at": now_ms + 2 * HOUR_MS, "ends_at": now_ms + HOUR_MS}, "ends_at"),
        ({"starts_at": now_ms + HOUR_MS, "ends_at": now_ms + HOUR_MS + 60_000}, "ends_at"),
        ({"cd": 60, "forecast_num": 61, "ends_at": now_ms + HOUR_MS}, "forecast_num"),
        ({"cd": 3600, "ends_at": now_ms + HOUR_MS // 2}, "cd"),
    ):
        reply = await alice.post("/postTask", **(draft | times))
        assert (reply["error"], reply["param"]) == ("bad_request", param), times
    assert (await alice.get("/getMyRelease"))["data"] == []


async def test_a_red_packet_that_is_paid_before_its_start_waits_for_it(context, open_page, alice, bob):
    now_ms = context.clock.now_ms()
    times = {"starts_at": now_ms + HOUR_MS, "ends_at": now_ms + 3 * HOUR_MS}
    early = await alice.publish_packet(**times)
    late = await alice.publish_packet(**times)
    assert (await bob.dig(early))["error"] == "not_paid"
    await alice.pay(early)
    refused = await bob.dig(early)
    assert (refused["error"], refused["cd_until"]) == ("cooling_down", times["starts_at"])
    page = await open_page(bob, late)
    await page.until("snapshot")
    assert (await bob.get("/getTaskDetails", code=late))["expires_at"] == times["ends_at"]
    await begin(context, late)
    await context.store.tasks.collection.update_one({"_id": late}, {"$unset": {"ends_at": ""}})
    await alice.pay(late)
    opened = {task["_id"]: task for task in await context.store.tasks.find_many([early, late])}
    assert (opened[early]["opened_at"], opened[early]["expires_at"]) == (times["starts_at"], times["ends_at"])
    assert opened[late]["opened_at"] >= now_ms
    lasts_ms = context.settings.task_days * DAY_MS
    assert opened[late]["expires_at"] == opened[late]["opened_at"] + lasts_ms
    await page.until("start")  # the page is told that the task started
    assert (await bob.get("/getTaskDetails", code=late))["expires_at"] == opened[late]["expires_at"]


async def test_what_ended_as_announced_is_not_dug_and_its_payment_goes_back(client, context, alice, bob):
    ends_at = context.clock.now_ms() + HOUR_MS
    goods = await alice.publish(cd=1, forecast_num=3_500, ends_at=ends_at)
    late, unpaid = [await alice.publish_packet(ends_at=ends_at) for _ in range(2)]
    found = await context.store.tasks.find(unpaid)
    waiting = (await alice.get("/getMyInfo"))["to_do"]
    assert {each["until"] for each in waiting} == {found["due_at"]} == {ends_at}
    parameters = await alice.order(late)
    [ordered] = await context.books.orders.of_task(late)
    assert ordered["expires_at"] == ends_at // 1000 * 1000
    now_ms = context.clock.now_ms()
    tasks = context.store.tasks.collection
    await tasks.update_many({}, {"$set": {"ends_at": now_ms}})
    await tasks.update_one({"_id": goods}, {"$set": {"expires_at": now_ms, "due_at": now_ms}})
    assert (await bob.dig(goods))["error"] == "ended"
    refused = await alice.post("/payTask", code=unpaid, money=2)
    assert (refused["error"], "说好的结束时间到了" in refused["msg"]) == ("ended", True)
    assert await context.books.orders.of_task(unpaid) == []
    await tasks.update_one({"_id": unpaid}, {"$set": {"due_at": now_ms}})
    assert (await client.wx("pay", **parameters)).endswith(":ok")
    await rest(context)
    assert (await bob.dig(late))["error"] == "ended"
    await sweep_until_quiet(context)
    assert await context.store.tasks.find(unpaid) is None
    ended = await context.store.tasks.find_many([goods, late])
    assert [(task["end_reason"], task["now_depth"]) for task in ended] == [("expired", 0)] * 2
    assert [refund["state"] for refund in await context.books.refunds.of_task(late)] == ["refunded"]
    await expect_balance(context)


async def test_all_read_where_goods_are_handed_over_and_winners_alone_whom_to_call(alice, bob, carol):
    told = {"place": "人民广场 3 号口", "pickup_time": "周六下午", "contact": "微信 ming-1"}
    told["not_sent_to"] = "新疆"
    code = await alice.publish(draw_type=1, forecast_num=1, **told)
    seen = await bob.get("/getTaskDetails", code=code)
    assert (seen["place"], seen["pickup_time"], seen["contact"]) == ("人民广场 3 号口", "周六下午", "")
    assert seen["not_sent_to"] == []  # a form sends this field although it applies only to goods by mail
    [card] = (await bob.get("/getTaskList"))["data"]
    assert (card["place"], card["pickup_time"], "contact" in card) == ("人民广场 3 号口", "周六下午", False)
    rules = (await bob.get("/getRules", code=code))["rules"]
    assert any("；地点：人民广场 3 号口；时间：周六下午" in rule["text"] for rule in rules)
    assert "ming-1" not in str(rules)
    assert (await alice.get("/getTaskDetails", code=code))["contact"] == "微信 ming-1"
    await bob.win(code)
    assert (await bob.get("/getTaskDetails", code=code))["contact"] == "微信 ming-1"
    assert (await bob.claim(code))["contact"] == "微信 ming-1"
    assert (await carol.get("/getTaskDetails", code=code))["contact"] == ""


async def test_goods_by_mail_are_not_claimed_to_where_they_are_not_sent(context, alice, bob):
    code = await alice.publish(draw_type=2, forecast_num=1, not_sent_to="新疆维吾尔自治区，西藏 新疆")
    assert (await bob.get("/getTaskDetails", code=code))["not_sent_to"] == ["新疆", "西藏"]
    for word in ("火星", "广东深圳"):  # taken as 广东, the second word would leave out the whole province
        wrong = await alice.post("/editTask", code=code, name="猫", not_sent_to=f"新疆、{word}")
        assert (wrong["param"], f"“{word}”不是省级地区" in wrong["msg"]) == ("not_sent_to", True)
    rules = (await bob.get("/getRules", code=code))["rules"]
    assert any("；不寄到新疆、西藏" in rule["text"] for rule in rules)
    await bob.win(code)
    for begins in ("中国 西藏自治区", "850000，西藏"):
        there = await bob.claim(code, **ADDRESS | {"address": f"{begins}拉萨市某路 1 号"})
        assert there["msg"] == "发布者不寄到西藏：请换一个收货地址，或联系发布者"
        assert there["param"] == "address"
    for unclear in ("拉萨市某路 1 号", "西藏中路 1 号 5 栋 2 单元 301 室"):
        there = await bob.claim(code, **ADDRESS | {"address": unclear})
        assert (there["param"], "请从省级地区写起" in there["msg"]) == ("address", True)
    assert (await only(context, "prizes"))["state"] == "won"
    assert (await bob.claim(code, **ADDRESS | {"address": "上海西藏中路 1 号"}))["is_draw"] == 1


NEW = {"name": "两只旧闹钟", "synopsis": "走得准\n会响"}


async def test_a_publisher_changes_texts_and_pictures_until_somebody_digs(context, open_page, alice, bob):
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
    context.square.forget()
    assert await listed(bob, name="旧闹钟") == await listed(bob, name="钟表") == [code]
    assert await listed(bob, name="一只") == []
    assert (await bob.post("/getSharePic", code=code))["pic"] != poster
    assert (await bob.dig(code))["now_depth"] == 1
    refused = await alice.post("/editTask", code=code, name="别的")
    assert (refused["error"], refused["msg"]) == ("has_digs", "已经有人开挖，文字和图片不能再改")
    assert (await bob.get("/getTaskDetails", code=code))["name"] == NEW["name"]


async def test_who_comes_too_late_to_edit_or_end_a_treasure_reads_what_is_left_to_do(alice, monkeypatch):
    code = await alice.publish()
    monkeypatch.setattr(Tasks, "edit", mock.AsyncMock(return_value=None))  # somebody digs at this moment
    late = await alice.post("/editTask", code=code, name="别的")
    assert late["msg"] == "已经有人开挖，文字和图片不能再改"
    await alice.post("/endTask", code=code)
    assert (await alice.post("/endTask", code=code))["msg"] == "这个宝贝已经结束了"
    assert (await alice.post("/editTask", code=code, name="别的"))["msg"].endswith("可以再埋一个")


async def test_the_first_dig_and_an_edit_at_once_are_one_after_the_other(context, monkeypatch, alice, bob):
    code = await alice.publish(name="一只闹钟", forecast_num=100_000)

    async def dig_first() -> None:
        assert (await bob.dig(code))["status"] == 0

    kinds = {"prize_num": 2, "interval": 50_000, "fluctuation": 1, "prizes": [{"name": "钟", "prize_num": 2}]}
    other = await alice.publish(name="一只闹钟", forecast_num=100_000, **kinds, **await alice.halves())
    meanwhile(monkeypatch, context.store.tasks, "edit", before=dig_first)
    assert (await alice.post("/editTask", code=code, **NEW))["error"] == "has_digs"
    code = other
    refused = await alice.post("/editTask", code=code, **NEW, prizes=[{"name": "表"}])
    assert refused["error"] == "has_digs"
    for task in await find(context, "tasks"):
        assert (task["name"], task["now_depth"]) == ("一只闹钟", 1)
        assert [rank["name"] for rank in task.get("ranks", [])] in ([], ["钟"])


async def test_a_start_is_moved_until_somebody_digs_as_pages_and_posters_tell(context, open_page, alice, bob):
    now_ms = context.clock.now_ms()
    starts_at = now_ms + HOUR_MS
    ends_at = now_ms + 5 * HOUR_MS
    code = await alice.publish(cd=1, forecast_num=3_600, starts_at=starts_at, ends_at=ends_at)
    unpaid = await alice.publish_packet(cd=1, forecast_num=3_600, starts_at=starts_at)
    poster = (await bob.post("/getSharePic", code=code))["pic"]
    page = await open_page(bob, code)
    assert (await page.until("snapshot"))["cd_until"] == starts_at
    for wrong in (now_ms - 1000, now_ms + (AHEAD_DAYS + 1) * DAY_MS, ends_at - 30 * 60_000, "soon"):
        refused = await alice.post("/editTask", code=code, name="猫", starts_at=wrong)
        assert (refused["error"], refused["param"]) == ("bad_request", "starts_at")
    for moved in (starts_at + HOUR_MS, starts_at + HOUR_MS, now_ms + 60_000):  # later, the same, earlier
        assert (await alice.post("/editTask", code=code, name="猫", starts_at=moved))["status"] == 0
        assert (await bob.dig(code))["cd_until"] == moved
        seen = await bob.get("/getTaskDetails", code=code)
        assert (seen["cd_until"], seen["starts_at"], seen["expires_at"]) == (moved, moved, ends_at)
    assert (await page.until("review"))["edited"] == 1
    assert (await (await open_page(bob, code)).until("snapshot"))["cd_until"] == moved
    assert (await bob.post("/getSharePic", code=code))["pic"] != poster
    await alice.post("/editTask", code=unpaid, name="红包", starts_at=moved)
    await alice.pay(unpaid)
    for task in await find(context, "tasks"):
        assert (task["open"], task["opened_at"], task["cd_until"]) == (1, moved, moved)
        assert task["due_at"] == task["expires_at"] == task.get("ends_at", moved + 30 * DAY_MS)


async def test_a_dig_that_is_under_way_when_the_start_is_moved_is_not_made(context, monkeypatch, alice, bob):
    code = await alice.publish(name="猫", cd=10, forecast_num=100_000)
    later = context.clock.now_ms() + HOUR_MS
    move = partial(alice.post, "/editTask", code=code, name="猫", starts_at=later)
    meanwhile(monkeypatch, context.store.tasks, "record_dig", before=move, once=True)
    assert (await bob.dig(code))["error"] == "cooling_down"
    task = await context.store.tasks.get(code)
    assert (task["now_depth"], task["starts_at"]) == (0, later)


class TestWhereContentsAreChecked:
    ENVIRONMENT: ClassVar = CHECKED

    async def test_nobody_sees_an_unchecked_edit(self, context, monkeypatch, open_page, alice, bob, carol):
        code = await alice.publish(name="一只闹钟", forecast_num=100_000)
        [first] = await find(context, "reviews")
        await alice.post("/editTask", code=code, name="还在检查就改")
        assert [review["_id"] for review in await find(context, "reviews")] == [f"task:{code}:1"]
        # Only the text before the edit has passed.
        first |= {"state": "shown", "history": [{"move": "passed", "at": 0, "by": ""}]}
        await follow_review(context, first)
        assert (await alice.get("/getTaskDetails", code=code))["review"] == "checking"
        await settle(context)
        shown = await bob.get("/getTaskDetails", code=code)
        assert shown["name"] == "还在检查就改"
        publisher_id = shown["publisher_id"]
        seen = await open_page(bob, code)
        late = await open_page(carol)
        await seen.until("snapshot")

        async def edit_first() -> None:
            assert (await alice.post("/editTask", code=code, **NEW))["review"] == "checking"

        meanwhile(monkeypatch, context.store.tasks, "record_dig", before=edit_first, once=True)
        assert (await bob.dig(code))["error"] == "no_such_task"
        assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
        context.square.forget()
        assert await listed(bob, name="") == []
        assert (await bob.get("/getPublisher", publisher_id=publisher_id))["data"] == []
        assert NEW["name"] in (await only(context, "reviews"))["text"]
        await late.ask(action="subscribe", code=code)
        for page in (seen, late):
            assert (await page.until("error"))["error"] == "no_such_task"
        await settle(context)
        for page in (seen, late):  # the page updates by itself
            await page.until("snapshot", seq=0)
        assert await listed(bob, name="旧闹钟") == [code]
        assert (await bob.dig(code))["now_depth"] == 1
        for page in (seen, late):
            await page.until("cd", seq=1)

    async def test_a_moved_start_alone_hides_no_treasure(self, context, alice, bob):
        now_ms = context.clock.now_ms()
        starts = [now_ms + hours * HOUR_MS for hours in (1, 2, 3)]
        code = await alice.publish(name="一只闹钟", cd=1, forecast_num=3_600, starts_at=starts[0])
        moved = await alice.post("/editTask", code=code, name="一只闹钟", starts_at=starts[1])
        assert moved["review"] == "checking", "its texts have not passed yet"
        await settle(context)
        moved = await alice.post("/editTask", code=code, name="一只闹钟", starts_at=starts[2])
        assert (moved["review"], await find(context, "reviews")) == ("shown", [])
        assert (await bob.get("/getTaskDetails", code=code))["starts_at"] == starts[2]
        moved = await alice.post("/editTask", code=code, name="另一只", starts_at=starts[1])
        assert moved["review"] == "checking"

    async def test_a_packet_whose_edit_is_refused_is_paid_back_after_a_kill(self, client, context, alice):
        code = await alice.publish_packet(prize_num=1, money=2)
        await settle(context)
        await alice.pay(code)
        await client.misbehave("judge", call="msg_sec_check", code="risky")
        with mock.patch("server.actions.digging.edit.submit_task", failing(RuntimeError())):
            await alice.post("/editTask", code=code, name="坏话")
        assert await find(context, "reviews") == []
        await sweep_until_quiet(context, FOLLOWED_MS)
        await settle(context)
        await sweep_until_quiet(context)
        [task] = await find(context, "tasks")
        assert (task["open"], task["status"], task["end_reason"]) == (1, 1, "refused")
        await expect_balance(context)
        [refund] = await find(context, "refunds")
        assert (refund["state"], refund["amount_fen"]) == ("refunded", 200)

    async def test_these_texts_are_checked_too(self, context, alice):
        await alice.publish(draw_type=1, place="暗号地点", pickup_time="暗号时间", contact="暗号联系")
        text = (await only(context, "reviews"))["text"]
        assert text.splitlines()[-3:] == ["暗号地点", "暗号时间", "暗号联系"]
