"""Bans: forbidden acts, rights that remain, and how soon every process knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handlers.websocket import IDENTITY_REFUSED
from server.actions import operate
from server.actions.digging.dig import dig, digging_of
from server.actions.money.pay_in import NOT_BEGUN, follow_payments
from server.actions.people.account import check_ban
from server.actions.people.erase import CannotErase, erase
from server.actions.people.whom import Whom
from server.errors import Banned
from server.game import order as row
from server.game.amounts import DAY_MS
from server.store.audit_log import Actor
from support.client import Client, Someone, a_picture, admit
from support.meanwhile import meanwhile
from support.operators import operator
from support.purse import check_books, find, rest, sweep_until_quiet
from support.steps import Killed, die
from support.stored import person_of

REASON = "用脚本挖宝"


@pytest.fixture(autouse=True)
def _operating(io_loop: Any, client: Client) -> None:
    """Log the client in as an operator."""
    io_loop.run_sync(lambda: operator(client))


async def ban(client: Client, code: str, depth: int = 0, days: int = 0) -> None:
    reply = await client.post("/ops/ban", code=code, depth=depth, days=days, reason=REASON)
    assert reply["status"] == 0, reply


async def unban(client: Client, code: str) -> None:
    assert (await client.post("/ops/unban", code=code, depth=0, reason="已核实"))["status"] == 0


async def acts_of(someone: Someone, code: str, url: str) -> list[str]:
    """Try all that a ban forbids; return each outcome."""
    draft = {"goods_type": 2, "url": url, "name": "猫", "prize_num": 1, "forecast_num": 9, "draw_type": 1}
    replies = [
        await someone.dig(code),
        await someone.post("/postTask", **draft),
        await someone.upload(a_picture()),
        await someone.post("/setProfile", wxname="新名字"),
    ]
    for reply in replies:
        if reply["status"]:
            assert REASON in reply["msg"]
    return [reply.get("error", "") for reply in replies]


async def test_a_banned_person_may_do_nothing_more_but_look_and_claim(client, context, alice, bob):
    won = await alice.publish(prize_num=1, forecast_num=1, draw_type=1)
    assert (await bob.dig(won))["is_prize"] == 1
    await context.background.finish()
    code = await alice.publish(forecast_num=100_000)
    url = (await bob.upload(a_picture()))["url"]
    await ban(client, won, depth=1)
    assert (await bob.get("/getMyInfo"))["error"] == "bad_token"
    bob = await client.log_in("bob")
    depth = (await alice.get("/getTaskDetails", code=code))["now_depth"]
    assert await acts_of(bob, code, url) == ["banned"] * 4
    assert (await alice.get("/getTaskDetails", code=code))["now_depth"] == depth
    assert await context.store.tasks.released_number(bob.unionid) == 0
    assert (await bob.get("/getTaskList"))["status"] == 0
    claimed = await bob.claim(won)
    assert (claimed["status"], len(claimed["pickup"])) == (0, 6)


@pytest.mark.parametrize("given", ["0", "1"])
async def test_a_ban_holds_whether_wechat_gives_a_unionid_or_not(client, given):
    first = await client.log_in("alice", unionid=given)
    code = await first.publish()
    await ban(client, code)
    again = await client.log_in("alice", unionid="1" if given == "0" else "0")
    assert again.unionid == first.unionid
    assert (await again.post("/setProfile", wxname="新名字"))["error"] == "banned"
    await unban(client, code)
    assert (await again.post("/setProfile", wxname="新名字"))["status"] == 0


async def test_a_banned_person_pays_for_no_treasure_and_gets_back_what_an_earlier_order_pays(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code, other = [await alice.publish_packet(money=2) for _ in range(2)]
    parameters = await alice.order(code)
    await ban(client, code)
    refused = await (await client.log_in("alice")).post("/payTask", code=other, money=2)
    assert (refused["error"], REASON in refused["msg"]) == ("banned", True)
    assert await context.store.orders.find_live(other) is None
    assert (await client.wx("pay", **parameters)).endswith(":ok")
    await rest(context)
    assert (await bob.dig(code))["error"] == "not_paid"
    await sweep_until_quiet(context)
    [paid], [refund] = await find(context, "orders"), await find(context, "refunds")
    assert (paid["state"], refund["state"], refund["amount_fen"]) == ("unusable", "refunded", 200)
    await check_books(context)
    page = await bob.get("/getTaskDetails", code=code)
    assert (page["data"]["status"], page["end_note"], REASON in str(page)) == (1, NOT_BEGUN, False)


@pytest.mark.parametrize("step", ["insert", "moves"])
async def test_a_kill_before_such_an_order_is_refunded_opens_nothing_once_the_ban_is_lifted(
    client, context, monkeypatch, step, alice
):
    code = await alice.publish_packet(money=2)
    await alice.order(code)
    await ban(client, code)
    [paid] = await find(context, "orders")
    assert await context.store.orders.moves(paid["_id"], row.paid(200, "transaction", "OTHERS", 1))
    store = context.store.refunds if step == "insert" else context.store.orders
    with monkeypatch.context() as patch:
        patch.setattr(store, step, lambda *_: die())
        with pytest.raises(Killed):
            await follow_payments(context, await find(context, "orders"))  # type: ignore[arg-type]
    await unban(client, code)
    await follow_payments(context, await find(context, "orders"))  # type: ignore[arg-type]
    [paid], [refund] = await find(context, "orders"), await find(context, "refunds")
    assert (paid["state"], refund["amount_fen"]) == ("unusable", 200)
    task = await context.store.tasks.get(code)
    assert (task["open"], task["status"]) == (0, 1)


async def test_a_treasure_whose_publisher_is_banned_before_it_is_saved_is_not_saved(
    client, context, monkeypatch, alice
):
    draft, code = await alice.draft(), await alice.publish()
    meanwhile(monkeypatch, context.store.files, "take", after=lambda: ban(client, code))
    assert (await alice.post("/postTask", **draft))["error"] == "banned"
    assert await context.store.tasks.released_number(alice.unionid) == 1


async def test_lifting_a_ban_is_an_act_too_and_works_at_once_in_all_processes(client, other_port, alice, bob):
    code = await alice.publish(forecast_num=100_000, cd=0)
    url = (await bob.upload(a_picture()))["url"]
    await bob.dig(code)
    await ban(client, code, depth=1)
    bob = await client.log_in("bob")
    there = f"http://127.0.0.1:{other_port}/uploadFile"
    headers = {"Authorization": f"Bearer {bob.token}"}
    assert await acts_of(bob, code, url) == ["banned"] * 4
    refused = await client.http.post(there, files={"file": a_picture()}, headers=headers)
    assert refused.json()["error"] == "banned"
    assert (await client.post("/ops/unban", code=code, depth=1, reason="已核实"))["status"] == 0
    assert await acts_of(bob, code, url) == [""] * 4
    assert (await client.http.post(there, files={"file": a_picture()}, headers=headers)).json()["status"] == 0
    log = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["target"], act["outcome"]) for act in log] == [
        ("unban", f"{code}:1", "done"),
        ("ban", f"{code}:1", "done"),
    ]


async def test_open_pages_of_a_banned_person_close_in_all_processes(client, open_page, other_port):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=100_000)
    pages = [await open_page(alice, code), await open_page(alice, code, port=other_port)]
    stays = await open_page(bob, code, port=other_port)
    for page in [*pages, stays]:
        await page.until("snapshot")
    await ban(client, code)
    assert [await page.closed() for page in pages] == [IDENTITY_REFUSED] * 2
    await stays.connection.write_message('{"action":"ping"}')
    await stays.until("pong")


async def test_if_the_process_dies_before_it_tells_others_they_learn_of_the_ban_from_mongodb(
    context, other, monkeypatch, alice
):
    code = await alice.publish(forecast_num=100_000)
    monkeypatch.setattr(context.hub, "announce_ended", lambda _: die())
    with pytest.raises(Killed):
        await operate.ban(context, Actor("x", shared=False), Whom(code), 1, REASON)
    assert other.hub.sessions.valid(alice.unionid) == 0
    await other.hub.sessions.poll()
    person = await person_of(other, alice)
    assert (person["banned"]["reason"], person["generation"]) == (
        REASON,
        other.hub.sessions.valid(alice.unionid),
    )


async def test_an_upload_that_was_under_way_is_refused(client, alice):
    code = await alice.publish(forecast_num=100_000)
    begun, may_end = asyncio.Event(), asyncio.Event()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        + a_picture()
        + b"\r\n--x--\r\n"
    )

    async def parts() -> Any:
        yield body[:200]
        begun.set()
        await may_end.wait()
        yield body[200:]

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Authorization": f"Bearer {alice.token}"}
    sending = asyncio.ensure_future(client.http.post("/uploadFile", content=parts(), headers=headers))
    await begun.wait()
    await alice.get("/getMyInfo")  # its reply comes after the first part is done
    await ban(client, code)
    may_end.set()
    assert (await sending).json()["error"] == "bad_token"


async def test_a_dig_that_waits_for_its_turn_when_its_digger_is_banned_is_refused(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=100_000, cd=0)
    await bob.dig(code)
    person = await context.store.people.find(bob.unionid)
    turn = digging_of(context).turn(code)
    await turn.acquire()
    waiting = asyncio.ensure_future(dig(context, code, bob.unionid, "", admit))
    await ban(client, code, depth=1)
    turn.release()
    with pytest.raises(Banned):
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


async def test_a_banned_person_cannot_be_forgotten_to_come_back_as_somebody_else(client, context, alice):
    await ban(client, await alice.publish(), days=1)
    with pytest.raises(CannotErase, match="banned"):
        await erase(context.store, alice.unionid)
    person = await person_of(context, alice)
    assert "forgotten_as" not in person


async def test_a_ban_that_comes_while_an_erasure_waits_stops_it(client, context, monkeypatch, alice):
    code = await alice.publish()
    assert (await alice.post("/endTask", code=code))["status"] == 0
    meanwhile(monkeypatch, context.store.people, "lock_out", after=lambda: ban(client, code))
    with pytest.raises(CannotErase, match="banned"):
        await erase(context.store, alice.unionid)
    person = await person_of(context, alice)
    assert ("banned" in person, "forgotten_as" in person) == (True, False)


async def test_an_operator_sees_of_a_person_what_they_did_and_no_id(client, context, alice, bob):
    won = await alice.publish(prize_num=1, forecast_num=1)
    await bob.dig(won)
    await context.background.finish()
    found = await client.get("/ops/person", code=won, depth=1)
    assert (found["released"], found["dug"], found["joined"], found["prizes"]) == (0, 1, 1, {"won": 1})
    assert (found["ban"], found["wxname"]) == (None, bob.data["nickName"])
    assert 0 < found["created_at"] <= context.clock.now_ms()
    publisher = await client.get("/ops/person", code=won, depth=0)
    assert (publisher["released"], [task["code"] for task in publisher["tasks"]]) == (1, [won])
    await ban(client, won, days=7)
    banned = (await client.get("/ops/person", code=won, depth=0))["ban"]
    assert (banned["reason"], banned["until"] - banned["at"]) == (REASON, 7 * DAY_MS)
    for secret in (alice.unionid, alice.data["openid"], bob.unionid, bob.data["openid"]):
        assert secret not in str(found) + str(publisher)
    assert (await client.get("/ops/person", code=won, depth=9))["error"] == "bad_request"
    assert (await client.get("/ops/person", code="A" * 12, depth=0))["error"] == "no_such_task"
