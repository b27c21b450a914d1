"""Deletion of people, by `python -m server forget` or by themselves, and of data that nobody needs.

After a deletion nothing names the person, and ledger, proofs and counts still hold. A process may die between
any two writes.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import msgspec
import pytest

from handlers.websocket import IDENTITY_REFUSED
from server.actions.digging.end_task import settle_task
from server.actions.people import erase as forgetting
from server.actions.people.erase import erase, needs_of
from server.actions.people.leave import DAYS, erase_leavers
from server.cash.audit import audit
from server.context import Context
from server.game import draw
from server.game.invariants import broken_by_totals
from server.game.task import AHEAD_DAYS
from server.leading.tidy import OVER_DAYS, tidy
from server.security.keys import Proven
from server.store.driver import Collection
from server.store.files import MADE_MS, SUPERSEDED_MS, UNUSED_MS
from server.store.people.erasure import NAME
from support.client import ADDRESS, Client, Someone, a_picture
from support.invariants import broken_by_digs
from support.leading import let_the_lease_end
from support.login import a_ticket
from support.meanwhile import meanwhile
from support.purse import DAY_MS, all_documents, expect_balance, find, put_back, sweep_until_quiet
from support.report_scenarios import a_report
from support.stored import let_files_age, naming, person_of

ENVIRONMENT = {"CLAIM_DAYS": "10", "TASK_DAYS": "5"}


WRITES = (
    *("update_one", "update_many", "bulk_write", "delete_one", "delete_many", "find_one_and_update"),
    "insert_one",
)


class Written:
    """Notes the whole database, as a kill may leave it, after each write of the work given to `note`."""

    def __init__(self, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        self._context = context
        self._patch = monkeypatch
        self.left: list[dict[str, list[dict[str, Any]]]] = []
        self._writes: list[str] = []

    async def note(self, work: Awaitable[Any]) -> None:
        with self._patch.context() as patched:
            for name in WRITES:
                patched.setattr(Collection, name, self._noted(name))
            await work

    def left_once(self) -> list[dict[str, list[dict[str, Any]]]]:
        """Return the database after each write, but only once for the same last two writes."""
        first: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {}
        for at, left in enumerate(self.left):
            first.setdefault(tuple(self._writes[max(0, at - 1) : at + 1]), left)
        return list(first.values())

    def _noted(self, name: str) -> Any:
        original = getattr(Collection, name)

        async def write(collection: Any, *arguments: Any, **named: Any) -> Any:
            result = await original(collection, *arguments, **named)
            self._writes.append(f"{collection.name}.{name}")
            self.left.append(await all_documents(self._context))
            return result

        return write


async def a_life(client: Client, context: Context) -> tuple[Someone, dict[str, str]]:
    """Let bob do everything that leaves data; return him and the codes of the tasks that he took part in."""
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    face = (await bob.upload(a_picture()))["url"]
    assert (await bob.post("/setProfile", wxname="鲍勃本人", wxheadpic=face))["status"] == 0
    codes = {"running": await alice.publish(prize_num=2, interval=5, fluctuation=0, forecast_num=20)}
    for digger in (bob, carol, bob):
        assert (await digger.dig(codes["running"]))["is_prize"] == 0
    codes["mailed"] = await alice.won_goods(bob)
    assert (await bob.claim(codes["mailed"], **ADDRESS))["is_draw"] == 1
    codes["packet"] = await alice.won_packet(bob)
    await bob.take(codes["packet"])
    codes["own"] = await bob.won_goods(carol)
    assert (await carol.claim(codes["own"], **ADDRESS))["is_draw"] == 1
    there = {"place": "鲍勃家楼下", "pickup_time": "鲍勃在家时", "contact": "鲍勃的微信"}
    on_site = await bob.publish(draw_type=1, **there)
    assert (await bob.post("/endTask", code=on_site))["status"] == 0
    codes["paid"] = await bob.won_packet(carol)
    await carol.take(codes["paid"])
    shared = await bob.get("/getTaskDetails", code=codes["running"])
    codes["share"] = shared["share"]
    await carol.get("/getTaskDetails", code=codes["running"], is_share=1, from_unionid=bob.unionid)
    await bob.get("/getTaskDetails", code=codes["own"], is_share=1, from_unionid=alice.unionid)
    for sharer, code in ((bob, codes["running"]), (carol, codes["own"])):
        assert (await sharer.post("/getSharePic", code=code))["status"] == 0
    await sweep_until_quiet(context)
    return bob, codes


async def check_invariants(context: Context) -> None:
    for task in await find(context, "tasks"):
        assert broken_by_totals(task, await context.store.digs.totals(task["_id"])) == []  # type: ignore[arg-type]
        digs = await context.store.digs.after(task["_id"], 0, 1000)
        depths = sorted(context.digging.drawn(task).prizes)  # type: ignore[arg-type]
        assert broken_by_digs(task, digs, depths) == []
    await expect_balance(context)


async def test_nothing_names_the_person_and_ledger_proofs_and_counts_still_hold(client, context, elsewhere):
    bob, codes = await a_life(client, context)
    alice, carol = (replace(client.people[name], client=elsewhere) for name in ("alice", "carol"))
    person = await person_of(context, bob)
    traces = (bob.unionid, person["openid"], "鲍勃", person["nickName"], person["wxheadpic"][7:39])
    said = {"person_id": bob.id, "openid": person["openid"], "text": "鲍勃的手表", "state": "shown"}
    reviews = [{"_id": code or "profile", "code": code, **said} for code in ("", codes["own"])]
    await context.store.database["reviews"].insert_many(reviews)
    # Followers whom a count missed.
    of_bob = {"publisher": bob.id}
    followers = [{"_id": "a", "follower": "a", **of_bob}, {"_id": "b", "follower": "b", "n": 9000, **of_bob}]
    await context.store.database["follows"].insert_many(followers)
    before = await all_documents(context)
    assert {place.split(":")[0] for place in await naming(context, *traces)} == {
        *("bills", "digs", "orders", "people", "pictures.chunks", "pictures.files", "prizes", "tasks"),
        "reviews",
    }
    assert await erase(context.store, bob.id) == 4
    after = await all_documents(context)
    assert await naming(context, *traces) == []
    assert [review["code"] for review in after["reviews"]] == [codes["own"]]
    assert not after.get("follows")
    for name in ("digs", "visits", "prizes", "bills", "orders"):
        assert len(after[name]) == len(before[name])
    chunks = {chunk["files_id"] for chunk in after["pictures.chunks"]}
    assert chunks == {file["_id"] for file in after["pictures.files"]}
    await check_invariants(context)
    users = (await alice.get("/getTaskDetails", code=codes["running"]))["users"]
    assert [(user["wxname"], user["no"]) for user in users] == [(NAME, 1), (carol.data["nickName"], 2)]
    [winner] = (await alice.get("/getWinners", code=codes["mailed"]))["data"]
    expected = {"wxname": NAME, "state": "given", "address": "", "address_deleted": 1}
    assert winner | expected == winner
    own = await carol.get("/getTaskDetails", code=codes["own"])
    assert (own["wxname"], own["wxheadpic"], own["is_draw"]) == (NAME, "", 1)
    assert (await client.http.get(own["pic"])).status_code == 200
    proof = msgspec.convert(await client.get("/getProof", code=codes["own"]), draw.Proof)
    assert draw.differences(proof, None) == []
    assert (await carol.get("/getTaskDetails", code=codes["share"]))["code"] == codes["running"]
    assert (await carol.post("/getSharePic", code=codes["own"]))["status"] == 0


async def test_pages_in_memory_stop_naming_the_person_at_the_next_poll_even_while_watched(
    client, context, elsewhere, other, other_port, open_page, alice, bob, carol
):
    code = await alice.publish(forecast_num=1000, cd=0)
    own = await bob.publish(forecast_num=1000, cd=0)
    for digger in (bob, carol, bob):
        await digger.dig(code)
    await bob.post("/endTask", code=own)
    await context.background.finish()
    pages = [await open_page(carol, code, port=port) for port in (client.http.base_url.port, other_port)]
    for page in pages:
        await page.until("snapshot", seq=3)
    readers = [replace(carol, client=each) for each in (client, elsewhere)]
    for reader in readers:
        names = [user["wxname"] for user in (await reader.get("/getTaskDetails", code=code))["users"]]
        assert names == [bob.data["nickName"], carol.data["nickName"]]
        assert (await reader.get("/getTaskDetails", code=own))["wxname"] == bob.data["nickName"]
    assert len((await carol.get("/getTaskList", name=bob.data["nickName"]))["data"]) == 1
    await erase(context.store, bob.id)
    assert (await carol.get("/getTaskList", name=bob.data["nickName"]))["data"] == []
    for process, reader in ((context, readers[0]), (other, readers[1])):
        await process.hub._poll()
        await asyncio.gather(*process.hub._reading.values())
        shown = await reader.get("/getTaskDetails", code=code)
        assert [user["wxname"] for user in shown["users"]] == [NAME, carol.data["nickName"]]
        assert (await reader.get("/getTaskDetails", code=own))["wxname"] == NAME
        rows = (await reader.get("/getTaskUser", code=code, page=1))["data"]
        assert [row["wxname"] for row in rows] == [NAME, carol.data["nickName"]]
        known = process.hub.known.by_code[code]
        assert bob.data["nickName"].encode() not in known.replay.after(0)
        assert known.replay.after(0).count(b'"type":"cd"') == 3
        await process.hub._poll()
        assert not process.hub._reading  # one read is enough
    # Watchers got no frame of the erasure, and miss no later frame.
    assert (await carol.dig(code))["seq"] == 4
    for page in pages:
        await page.until("cd", seq=4)
        types = [frame["type"] for frame in page.frames]
        assert (types.count("snapshot"), types.count("cd")) == (1, 1)


async def test_who_is_being_forgotten_is_shut_out_and_comes_back_new(client, context, open_page, alice, bob):
    # A generation is the time of a person's first login, in seconds. This login was an hour ago.
    people = context.store.people.rows
    hour = 3600
    first = await people.find_one_and_update({"_id": bob.id}, {"$inc": {"generation": -hour}})
    bob.token = context.keys.sign_token(Proven(bob.id, first["generation"] - hour, bob.unionid))
    code = await alice.publish(forecast_num=100_000)
    assert (await bob.dig(code))["no"] == 1
    page = await open_page(bob)
    await page.answers()
    refused: list[str] = []

    async def wait(_: float) -> None:
        """Try what a person can try while the server waits for their requests under way."""
        bare = Someone(client, bob.unionid, "", {}, send_token=False)
        refused.extend([(await who.dig(code))["error"] for who in (bob, bare)])
        login = await client.get("/userLogin", **await a_ticket(client.http, user="bob"))
        refused.extend([login["error"], "注销" * ("注销" in login["msg"])])
        # The real wait is long enough for every process to read which sessions ended.
        await context.hub.sessions.poll()

    with mock.patch.object(forgetting, "sleep", wait):
        await erase(context.store, bob.id)
    assert refused[1] in ("not_logged_in", "token_required")
    assert [refused[0], *refused[2:]] == ["bad_token", "login_blocked", "注销"]
    assert await page.closed() == IDENTITY_REFUSED
    old = Someone(client, bob.unionid, bob.token, {})
    assert (await old.get("/getMyInfo"))["error"] == "not_logged_in"
    again = await client.log_in("bob")
    share = (await again.get("/getTaskDetails", code=code))["share"]
    assert (await alice.get("/getTaskDetails", code=share))["code"] == code
    assert (await again.get("/getMyInfo"))["digging_num"] == 0
    assert (await again.dig(code))["no"] == 2
    assert (await old.get("/getMyInfo"))["error"] == "not_logged_in"
    await check_invariants(context)


@pytest.mark.gen_test(timeout=120)
async def test_killed_after_any_write_it_can_go_on_to_the_same_end(client, context, monkeypatch):
    bob, _ = await a_life(client, context)
    written = Written(context, monkeypatch)
    await written.note(erase(context.store, bob.id))
    for kill_after, left in enumerate(written.left_once(), 1):
        await put_back(context, left)
        if any(person["_id"] == bob.id for person in left["people"]):  # else the last write was made
            await erase(context.store, bob.id)
        assert await naming(context, bob.unionid, "鲍勃本人") == [], kill_after
        await check_invariants(context)
    assert len(written.left) > 20


async def days_pass(context: Context) -> None:
    """Let seven days pass for people who delete their accounts, and make leased erasures due again.

    A minute more, since a process may take MongoDB's clock to be a little slow.
    """
    earlier = {f"leaving.{name}": -DAYS * DAY_MS - 60_000 for name in ("at", "until", "due_at")}
    await context.store.people.rows.update_many({"leaving": {"$exists": True}}, {"$inc": earlier})


async def logged(context: Context) -> list[tuple[str, str]]:
    """Return the entries of the operators' log, oldest first."""
    return [(act["act"], act["outcome"]) for act in await find(context, "audit_log")]


async def test_an_account_deleted_twice_is_kept_or_goes_after_a_week(client, context, open_page, alice, bob):
    code = await alice.publish(forecast_num=100_000)
    assert (await bob.dig(code))["status"] == 0
    await context.background.finish()
    page = await open_page(bob)
    asked = await bob.post("/deleteAccount")
    assert abs(asked["delete_at"] - context.clock.now_ms() - DAYS * DAY_MS) < 60_000
    assert await page.closed() == IDENTITY_REFUSED
    assert (await bob.post("/deleteAccount"))["error"] == "bad_token"
    bob = await client.log_in("bob")
    assert bob.data["delete_at"] == (await bob.get("/getMyInfo"))["delete_at"] == asked["delete_at"]
    assert await bob.post("/deleteAccount") == asked
    refused = [
        await bob.dig(code),
        await bob.upload(a_picture()),
        await bob.post("/setProfile", wxname="新名字"),
        await bob.post("/report", code=code, reason="fraud"),
        await bob.get("/commitment"),
    ]
    assert [(reply["error"], "撤销注销" in reply["msg"]) for reply in refused] == [("leaving", True)] * 5
    assert (await bob.get("/getTaskDetails", code=code))["status"] == 0
    for _ in range(2):
        assert (await bob.post("/keepAccount"))["status"] == 0
    assert (await bob.get("/getMyInfo"))["delete_at"] == 0
    assert (await bob.dig(code))["status"] == 0
    await days_pass(context)
    await erase_leavers(context)
    assert await find(context, "people", _id=bob.id)
    await bob.post("/deleteAccount")
    await erase_leavers(context)
    bob = await client.log_in("bob")  # before the seven days are over
    await days_pass(context)
    await erase_leavers(context)
    assert await naming(context, bob.unionid, bob.data["nickName"]) == []
    assert (await bob.get("/getMyInfo"))["error"] == "not_logged_in"
    done = [(act, "done") for act in ("leave", "stay", "leave", "erase")]
    assert await logged(context) == done
    targets = {act["target"] for act in (await find(context, "audit_log"))[-2:]}
    assert targets == {f"person:{dig['person_id']}" for dig in await find(context, "digs", code=code)}
    await check_invariants(context)


async def test_a_refund_that_wechat_closed_keeps_neither_publisher_nor_winner(client, context, alice, bob):
    await alice.won_packet(bob)
    await sweep_until_quiet(context, 120_000)
    needs = await needs_of(context.store, await person_of(context, alice))
    assert [need.why for need in needs] == ["prizes"]
    await client.misbehave("closed", call="refund")
    await sweep_until_quiet(context, 10 * DAY_MS)
    [refund] = await find(context, "refunds")
    assert (refund["kind"], refund["state"]) == ("unclaimed", "closed")
    assert [prize["state"] for prize in await find(context, "prizes")] == ["expiring"]
    for someone in (bob, alice):
        assert await needs_of(context.store, await person_of(context, someone), parcels=True) == []
        await erase(context.store, someone.id)
    assert (await audit(context.store)).differences == []


async def test_an_account_stays_while_something_of_theirs_is_under_way(client, context, alice, bob, carol):
    await bob.lock()

    async def told() -> str:
        before = await find(context, "people", _id=bob.id)
        refused = await bob.post("/deleteAccount")
        assert refused["error"] == "cannot_leave", refused
        assert await find(context, "people", _id=bob.id) == before
        return str(refused["msg"])

    both = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 2}
    running = await alice.publish(**both, draw_type=1, name="她的鸟")
    await bob.win(running)
    assert "你挖到奖品的“她的鸟”还在进行" in await told()
    pickup = (await bob.claim(running))["pickup"]
    assert "你在“她的鸟”里挖到的奖品还没有办完，接着把它领完" in await told()
    await alice.post("/confirmDraw", code=running, pickup=pickup)
    assert "你挖到奖品的“她的鸟”还在进行" in await told()
    await carol.win(running)
    own = await bob.publish(forecast_num=1, name="我的猫")
    assert "你发布的“我的猫”还在进行" in await told()
    review = {"_id": f"task:{own}", "code": own, "person_id": bob.id, "state": "checking"}
    await context.store.database["reviews"].insert_one(dict(review))
    assert "你发布的“我的猫”还在检查" in await told()
    await context.store.database["reviews"].delete_many({})
    await carol.win(own)
    assert "你发布的“我的猫”还有奖品没有给出或退回" in await told()
    await carol.claim(own, **ADDRESS)
    assert "你发布的“我的猫”还有奖品没有寄出" in await told()
    parcel = {"carrier": "顺丰", "number": "SF0123456789"}
    await bob.post("/shipPrize", code=own, depth=1, **parcel)
    mailed = await alice.won_goods(bob, name="她的狗")
    asked = await bob.post("/deleteAccount")
    assert asked["status"] == 0, "what nobody has claimed stops nothing"
    bob = await client.log_in("bob")
    assert (await bob.claim(mailed, **ADDRESS))["is_draw"] == 1
    await days_pass(context)
    await erase_leavers(context)
    assert await find(context, "people", _id=bob.id, erasing={"$exists": False})
    await bob.post("/keepAccount")
    assert await told() == "现在还不能注销：你在“她的狗”里挖到的奖品还没有办完，等发布者寄出。办完再来"
    await alice.post("/shipPrize", code=mailed, depth=1, **parcel)
    assert "“她的狗”里挖到的奖品" in await told()
    await bob.post("/receivePrize", code=mailed)
    ban = {"reason": "脚本", "at": 1, "until": 0}
    await context.store.people.rows.update_one({"_id": bob.id}, {"$set": {"banned": ban}})
    assert "账号停用期间不能注销" in await told()
    over = {"banned.until": 2}
    await context.store.people.rows.update_one({"_id": bob.id}, {"$set": over})
    assert (await bob.post("/deleteAccount"))["status"] == 0
    for until, erased in ((0, False), (2, True)):  # during a ban, and after it
        banned = {"banned": ban | {"until": until}}
        await context.store.people.rows.update_one({"_id": bob.id}, {"$set": banned})
        await days_pass(context)
        await erase_leavers(context)
        assert (await naming(context, bob.unionid) == []) == erased
    assert (await logged(context))[-2:] == [("leave", "done"), ("erase", "done")]


@pytest.mark.gen_test(timeout=120)
async def test_killed_at_any_write_an_account_ends_as_was_said_last(client, context, monkeypatch, alice, bob):
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    await context.background.finish()

    async def erase(left: dict[str, list[dict[str, Any]]]) -> None:
        await put_back(context, left)
        await days_pass(context)
        await let_the_lease_end(context)
        await erase_leavers(context)
        assert await naming(context, bob.unionid) == []

    asking, keeping, erasing = (Written(context, monkeypatch) for _ in range(3))
    await asking.note(bob.post("/deleteAccount"))
    for left in asking.left:
        await put_back(context, left)
        again = await client.log_in("bob")
        assert (await again.post("/deleteAccount"))["delete_at"]
        await erase(await all_documents(context))
    await put_back(context, asking.left[-1])
    bob = await client.log_in("bob")
    await keeping.note(bob.post("/keepAccount"))
    for left in keeping.left:
        await put_back(context, left)
        assert (await bob.post("/keepAccount"))["status"] == 0
        await days_pass(context)
        await erase_leavers(context)
        assert (await bob.dig(code))["status"] == 0
    await put_back(context, asking.left[-1])
    await days_pass(context)
    await erasing.note(erase_leavers(context))
    for left in erasing.left_once():
        await erase(left)
    assert [len(each.left) for each in (asking, keeping)] == [4, 3]


async def test_an_account_kept_at_the_last_moment_is_not_erased(client, context, monkeypatch, bob):
    await bob.post("/deleteAccount")
    bob = await client.log_in("bob")
    await days_pass(context)
    meanwhile(monkeypatch, context.store.people, "lock_out", before=lambda: bob.post("/keepAccount"))
    await erase_leavers(context)
    assert (await bob.get("/getMyInfo"))["delete_at"] == 0
    assert (await logged(context))[-1] != ("erase", "done")


async def stored(context: Context) -> tuple[set[str], set[str]]:
    """Return the names of the files with a record, and the names of the files with bytes."""
    files = context.store.files
    return set(await files.rows.distinct("_id")), set(await files.chunks.distinct("files_id"))


async def served(client: Client, *addresses: str) -> list[int]:
    """Return the HTTP status of each picture; assert that a served picture is whole."""
    found = [await client.http.get(address[address.index("/files/") :]) for address in addresses]
    assert all(len(one.content) == int(one.headers["Content-Length"]) for one in found)
    return [one.status_code for one in found]


async def uploaded(person: Someone) -> list[str]:
    """Upload a picture; return the addresses of the picture and of its thumbnail."""
    reply = await person.upload(a_picture())
    return [reply["url"], reply["thumbnail"]]


async def test_an_upload_that_nothing_uses_goes_after_a_day(client, context, alice):
    unused = await uploaded(alice)
    unsaved = await uploaded(alice)
    await let_files_age(context, UNUSED_MS - 60_000)
    await tidy(context)
    assert await served(client, *unused, *unsaved) == [200] * 4
    await let_files_age(context, 60_000)
    # A task takes the other picture, and is never saved. The picture goes a day later.
    assert await context.store.files.take(unsaved[0], None, context.clock.now_ms()) is not None
    await tidy(context)
    assert await served(client, *unused, *unsaved) == [404, 404, 200, 200]
    await let_files_age(context, UNUSED_MS)
    await tidy(context)
    assert await served(client, *unused, *unsaved) == [404] * 4
    assert await stored(context) == (set(), set())
    refused = await alice.post("/setProfile", wxheadpic=unused[0])
    assert refused["error"] == "bad_request"


async def test_a_picture_that_a_task_or_a_person_uses_or_used_stays(client, context, alice):
    pictures = [await uploaded(alice) for _ in range(3)]
    await alice.publish(url=pictures[0][0])
    for face in (pictures[1][0], pictures[2][0]):  # the record of an earlier dig may still show pictures[1]
        assert (await alice.post("/setProfile", wxheadpic=face))["status"] == 0
    for _ in range(3):
        # A task takes the picture and is never saved. This must not delete the picture.
        assert await context.store.files.take(pictures[1][0], None, context.clock.now_ms()) is not None
        await let_files_age(context, 100 * DAY_MS)
        await tidy(context)
        for both in pictures:
            assert await served(client, *both) == [200, 200]
    assert await context.store.files.rows.find_one({"metadata.delete_at": {"$exists": True}}) is None


async def test_a_publish_and_a_tidying_at_once_never_leave_a_task_without_its_picture(client, context, alice):
    now_ms = context.clock.now_ms()
    first = await uploaded(alice)
    second = await uploaded(alice)
    names = [urlsplit(address).path.rpartition("/")[2] for address in (first[0], second[0])]
    await let_files_age(context, UNUSED_MS)
    await alice.publish(url=first[0])  # after the tidying found the picture unused, and before the deletion
    assert await context.store.files.drop(names, now_ms + 60_000) == [names[1]]
    refused = await alice.post("/postTask", **await alice.draft(url=second[0]))
    assert (refused["error"], refused["param"]) == ("bad_request", "url")
    assert await served(client, first[0], second[0]) == [200, 404]


async def test_the_picture_of_a_task_that_was_never_paid_goes_with_it(client, context, alice):
    own = await uploaded(alice)
    default = await alice.publish_packet()
    code = await alice.publish_packet(url=own[0])
    await let_files_age(context, UNUSED_MS)
    await tidy(context)
    assert await served(client, *own) == [200, 200]
    for each in (code, default):
        await context.store.tasks.collection.update_one({"_id": each}, {"$set": {"created_at": 1}})
        task = await context.store.tasks.get(each)
        await settle_task(context, task)
        assert await context.store.tasks.find(each) is None
        await let_files_age(context, UNUSED_MS)
        await tidy(context)
    assert await served(client, *own) == [404, 404]
    assert len((await stored(context))[0]) == 2  # the default picture stays for other red packets
    assert await served(client, f"/files/{(await stored(context))[0].pop()}") == [200]


async def test_a_poster_goes_a_month_after_its_last_use_or_after_a_newer_one(client, context, alice, bob):
    code = await alice.publish()
    await tidy(context)

    async def poster(someone: Someone = alice) -> str:
        return str((await someone.post("/getSharePic", code=code))["pic"])

    first = await poster()
    for _ in range(3):
        await let_files_age(context, MADE_MS - DAY_MS)
        await tidy(context)
        assert await poster() == first
    await let_files_age(context, MADE_MS)
    await tidy(context)
    assert await served(client, first) == [404]
    posters = [await poster(bob), await poster()]
    assert await served(client, *posters) == [200] * 2
    for name in ("一", "二"):
        assert (await alice.post("/setProfile", wxname=name))["status"] == 0
        posters.append(await poster())
    await tidy(context)
    assert await served(client, *posters) == [200] * 4  # kept, since somebody may be looking at one
    await let_files_age(context, SUPERSEDED_MS)
    await tidy(context)
    assert await served(client, *posters) == [200, 404, 404, 200]


async def test_visits_and_decided_reports_go_when_their_task_is_old(context, settings, alice, bob, carol):
    old_ms = (AHEAD_DAYS + settings.task_days + settings.claim_days + OVER_DAYS) * DAY_MS + 60_000
    new_ms = old_ms - 120_000
    code = await alice.publish()
    share = (await alice.get("/getTaskDetails", code=code))["share"]
    await bob.get("/getTaskDetails", code=share)
    await context.background.finish()
    for person, age_ms in ((alice, new_ms), (bob, old_ms)):
        await context.store.visits.rows.update_one({"person_id": person.id}, {"$inc": {"opened_at": -age_ms}})
    reports = context.store.reports
    now_ms = context.clock.now_ms()
    for name, age_ms in (("open", old_ms), ("old", old_ms), ("new", new_ms)):
        await reports.insert(a_report(code, name, now_ms - age_ms))
    await reports.rows.update_many({"person_id": {"$ne": "open"}}, {"$unset": {"open": ""}})
    await tidy(context)
    assert [row["person_id"] for row in await find(context, "visits")] == [alice.id]
    assert (await carol.get("/getTaskDetails", code=share))["status"] == 0
    assert {row["person_id"] for row in await find(context, "reports")} == {"open", "new"}
    await reports.close_decided(code, 1, "upheld")
    await tidy(context)
    assert [row["person_id"] for row in await find(context, "reports")] == ["new"]


async def test_an_upload_that_was_cut_off_anywhere_leaves_nothing(client, context, monkeypatch):
    picture = await context.pictures.normalise(a_picture(), "alice")
    written = Written(context, monkeypatch)
    await written.note(context.store.files.save(picture, "alice", context.clock.now_ms()))
    assert len(written.left) > 2
    # A complete upload must go, too, if its last record, which names the owner, was lost.
    await context.store.files.rows.delete_one({"metadata.owner": "alice"})
    assert len((await stored(context))[1]) == 2
    for left in (await all_documents(context), *written.left[:-1]):
        await put_back(context, left)
        await let_files_age(context, UNUSED_MS)
        await tidy(context)
        assert await stored(context) == (set(), set())
