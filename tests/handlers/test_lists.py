"""Lists: their cards and participants, their order, and that they reveal nothing about other people."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from handlers.digging import lists
from server.context import Context
from server.store.digging import square
from server.store.digging.digs import stored
from support.client import Client
from support.drafts import RED_PACKET, publish_many

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def bodies(client: Client) -> list[tuple[str, str]]:
    """Path and body of every reply to the client, except replies of the sandbox."""
    heard: list[tuple[str, str]] = []

    async def hear(response: httpx.Response) -> None:
        await response.aread()
        if not response.url.path.startswith("/sandbox"):
            heard.append((response.url.path, response.text))

    client.http.event_hooks["response"].append(hear)
    return heard


async def set_task(context: Context, code: str, **fields: Any) -> None:
    """Set fields of a task, as time or a payment would."""
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": fields})


def codes(reply: dict[str, Any]) -> list[str]:
    """Return the codes of a list; the reply must not be a refusal."""
    assert reply["status"] == 0, reply
    return [card["code"] for card in reply["data"]]


async def test_cards_say_of_a_task_what_holds(context, settings, alice, bob):
    single, several, paid = await publish_many(
        alice,
        {"name": "钟", "wxname": "钟表店", "forecast_num": 1, "draw_type": 1},
        {"prize_num": 3, "interval": 5, "fluctuation": 0, "forecast_num": 50, "cd": 60},
        RED_PACKET | {"cd": 60},
    )
    await set_task(context, paid, open=1, opened_at=context.clock.now_ms())
    for code in (single, several, paid):
        assert (await bob.dig(code))["status"] == 0
    replies = {path: await bob.get(path) for path in ("/getTaskList", "/getMyPartake", "/getMyPrize")}
    replies["/getMyRelease"] = await alice.get("/getMyRelease")
    for reply in replies.values():
        for card in reply["data"]:
            for name in ("pic", "thumbnail", "wxheadpic"):
                assert card[name].startswith(settings.public_url + "/"), name
            assert card["pic"] != card["thumbnail"]
    for path in ("/getTaskList", "/getMyPartake", "/getMyRelease"):
        assert codes(replies[path]) == [paid, several, single]
    assert codes(replies["/getMyPrize"])[-1] == single
    packet, goods, clock = replies["/getTaskList"]["data"]
    of_clock = {
        "name": "钟",
        "wxname": "钟表店",
        "prize_type": 1,
        "prize_num": 1,
        "money": 0,
        "goods_type": 2,
    }
    of_clock |= dict.fromkeys(("status", "now_depth", "max_depth", "participants"), 1)
    of_clock |= dict.fromkeys(("is_cd", "time", "cd_until", "expires_at", "money"), 0)
    assert clock | of_clock == clock
    of_goods = {"wxname": "alice", "prize_type": 2, "prize_num": 3, "max_depth": 50, "participants": 1}
    of_goods |= {"expires_at": (await context.store.tasks.get(several))["expires_at"]}
    assert goods | of_goods | {"status": 0, "is_cd": 1} == goods
    assert 0 < goods["time"] <= 60
    assert 0 < goods["cd_until"] - context.clock.now_ms() <= 60_000
    left = 3 - (await bob.get("/getTaskDetails", code=paid))["is_prize"]
    of_packet = {"goods_type": 1, "money": 8, "prize_num": 3, "max_depth": 9, "prizes_left": left}
    assert packet | of_packet == packet
    won = next(card for card in replies["/getMyPrize"]["data"] if card["code"] == single)
    assert (won["is_draw"], won["draw_type"]) == (0, 1)
    assert all(card["wxheadimgurl"] == card["wxheadpic"] for card in replies["/getMyPartake"]["data"])
    assert {(card["need_pay"], card["owed"]) for card in replies["/getMyRelease"]["data"]} == {(0, 0)}
    info = await bob.get("/getMyInfo")
    assert single in {row["code"] for row in info.pop("to_do")}
    assert 1 <= info.pop("expected_wins") <= 3
    numbers = {"digging_num": 3, "release_num": 0, "partake_num": 3, "fair_start_ms": 0, "task_days": 30}
    numbers |= {"wins_counted": len(replies["/getMyPrize"]["data"])}
    assert {name: value for name, value in info.pop("cash").items() if value} == {
        "no_credit": 1,
        "most_yuan": 200,
    }
    shown = {"review": "shown", "review_note": ""}  # this name is not in review
    assert info == {"status": 0, "msg": "", "red_packets": 1, "delete_at": 0} | numbers | shown
    assert (await alice.get("/getMyInfo"))["release_num"] == 3


async def test_the_square_shows_running_tasks_first_and_the_newest_first(context, monkeypatch, alice):
    monkeypatch.setattr(square, "MOST_OF_ONE", square.PAGE_SIZE)
    public = await publish_many(alice, *[{}] * 45)
    private, hidden, unpaid, lately, long_ago, of_old = await publish_many(
        alice, {"is_public": 0}, {}, RED_PACKET, {}, {}, {}
    )
    await set_task(context, hidden, hidden=1)
    now_ms = context.clock.now_ms()
    await set_task(context, lately, status=1, ended_at=now_ms - 7 * DAY_MS + HOUR_MS)
    await set_task(context, long_ago, status=1, ended_at=now_ms - 7 * DAY_MS - HOUR_MS)
    await set_task(context, of_old, status=1, ended_at=now_ms, opened_at=now_ms - 45 * DAY_MS)
    ended_first = public[0]
    await set_task(context, ended_first, status=1, ended_at=now_ms)
    # Tasks of the same millisecond need an order, too; without it, pages would skip some of them.
    for code in public[10:30]:
        await set_task(context, code, opened_at=now_ms)
    pages = [codes(await alice.get("/getTaskList", page=page)) for page in range(1, 5)]
    assert [len(page) for page in pages] == [20, 20, 6, 0]
    assert codes(await alice.get("/getTaskList")) == pages[0]
    shown = [code for page in pages for code in page]
    assert len(set(shown)) == len(shown)
    assert shown[-2:] == [lately, ended_first]
    assert shown[:20] == sorted(public[10:30])
    assert shown[20:44] == public[:29:-1] + public[9:0:-1]
    assert codes(await alice.get("/getTaskList", page=1_000_000)) == []
    mine = codes(await alice.get("/getMyRelease"))
    assert {private, hidden, unpaid, lately, long_ago, of_old, *public} == set(mine)
    for code in (private, hidden, unpaid, long_ago):
        assert (await alice.get("/getTaskDetails", code=code))["code"] == code
    owing = (await alice.get("/getMyRelease", page=1))["data"][3]
    assert (owing["code"], owing["need_pay"], owing["owed"]) == (unpaid, 1, 24)


async def test_a_persons_own_lists_are_the_newest_or_pages_of_20(context, monkeypatch, alice, bob):
    assert lists.NEWEST == 500
    monkeypatch.setattr(lists, "NEWEST", 40)
    [code] = await publish_many(alice, {"forecast_num": 1})
    assert (await bob.dig(code))["is_prize"] == 1
    await context.background.finish()
    task = await context.store.tasks.collection.find_one({"_id": code})
    [dig] = await context.store.digs.after(code, 0, 10)
    copies = [f"{k:012d}" for k in range(41)]
    before_ms = task["created_at"] - 1
    tasks = [task | {"_id": copy, "created_at": before_ms - k // 3} for k, copy in enumerate(copies)]
    await context.store.tasks.collection.insert_many(tasks)
    await context.store.digs.collection.insert_many(
        [
            stored({**dig, "_id": f"{copy}:1", "code": copy, "at": dig["at"] - 1 - k // 3, "dig_id": f"{k}"})
            for k, copy in enumerate(copies)
        ]
    )
    expected = [code, *copies]
    for someone, path in ((alice, "/getMyRelease"), (bob, "/getMyPartake"), (bob, "/getMyPrize")):
        assert codes(await someone.get(path)) == expected[:40], path
        assert codes(await someone.get(path, page=3)) == expected[40:], path
        assert codes(await someone.get(path, page=4)) == [], path
        assert (await someone.get(path, page=501))["error"] == "bad_request"
    # Read on from the last row, no row is missed or comes twice, though three have the same time.
    for someone, path in ((alice, "/getMyRelease"), (bob, "/getMyPrize"), (bob, "/getMyDigs")):
        page = await someone.get(path, page=1)
        found = codes(page)
        while page["next"]:
            page = await someone.get(path, after=page["next"])
            found += codes(page)
        assert found == expected, path
    assert (await bob.get("/getMyInfo"))["partake_num"] == 42


async def test_participants_come_in_the_order_of_joining_50_per_page(context, alice, bob, carol):
    code, other = await publish_many(alice, {"forecast_num": 5_000, "is_public": 0}, {"forecast_num": 5_000})
    await bob.dig(code)
    await context.background.finish()
    [dig] = await context.store.digs.after(code, 0, 10)
    more = [
        dig
        | {
            "_id": f"{code}:{depth}", "depth": depth, "person_id": f"digger{depth}", "wxname": f"n{depth}",
            "n": depth, "no": depth, "participants": depth, "dig_id": f"id{depth}",
        }
        for depth in range(2, 121)
    ]  # fmt: skip
    await context.store.digs.collection.insert_many([stored(copy) for copy in more])
    await set_task(context, code, now_depth=121, participants=120)
    ninth = {"_id": f"{code}:121", "depth": 121, "is_prize": 1, "dig_id": "won"}
    again = {name: value for name, value in (more[7] | ninth).items() if name != "n"}
    await context.store.digs.collection.insert_one(stored(again))  # participant 9 dug once more, and won

    async def numbers(**asked: Any) -> list[int]:
        return [row["no"] for row in (await carol.get("/getTaskUser", **asked))["data"]]

    assert await numbers() == []  # carol has opened no task yet
    for page in range(1, 5):
        assert await numbers(code=code, page=page) == list(range(50 * page - 49, min(50 * page, 120) + 1))
    assert await numbers(code=code) == list(range(51, 101))
    assert await numbers(code="A" * 12, page=1) == []
    first = (await carol.get("/getTaskUser", code=code, page=1))["data"]
    assert [row["no"] for row in first if row["is_prize"]] == [9]
    details = await carol.get("/getTaskDetails", code=code)
    assert details["users"] == first
    assert await numbers() == list(range(51, 101))
    await carol.get("/getTaskDetails", code=other)
    assert await numbers(page=1) == []
    await carol.get("/getTaskDetails", code=code)
    assert await numbers(page=3) == list(range(101, 121))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that the server logs; the test's own HTTP client is left out."""
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, name)
    caplog.set_level(logging.DEBUG, "wabao")
    caplog.set_level(logging.DEBUG, "tornado")
    with caplog.at_level(logging.INFO):
        yield caplog


async def test_no_reply_and_no_log_reveals_a_secret_or_anothers_id_or_token(client, context, bodies, log):
    alice, bob, carol = [await client.log_in(user, by_code=True) for user in ("alice", "bob", "carol")]
    code, over, packet = await publish_many(
        alice, {"forecast_num": 40_000, "cd": 60}, {"forecast_num": 1, "draw_type": 1}, RED_PACKET
    )
    share = (await bob.get("/getTaskDetails", code=code))["share"]
    for who in (bob, carol, alice):
        for depth in range(3):
            await who.dig(code)
            await who.dig(over, dig_id=f"{depth}-dig-of-mine")
        await who.dig(packet)
        for path in ("/getTaskList", "/getMyInfo", "/getMyRelease", "/getMyPartake", "/getMyPrize"):
            await who.get(path)
        for each in (code, over, packet, share):
            await who.get("/getTaskDetails", code=each, is_share=1, from_unionid=bob.unionid)
            await who.get("/getTaskUser", code=each, page=1)
            await client.get("/getProof", code=each[:12])
    for path in (
        "/getProof", "/getTaskDetails", "/metrics", "/openapi.json", "/asyncapi.json", "/healthz",
        "/readyz", "/nowhere",
    ):  # fmt: skip
        await client.http.get(path, params={"code": code, "unionid": bob.unionid})
    seeds = [context.keys.open("seed", await context.store.tasks.seed_box(c), c) for c in (code, packet)]
    secrets = [seed.hex() for seed in seeds] + [
        "seed_box", "session_key", "winning", "last_dig", 'publisher"',
    ]  # fmt: skip
    secrets += [f"{task['_id']}:" async for task in context.store.tasks.collection.find({}, {"_id": 1})]
    ids = [who.data[name] for who in (alice, bob, carol) for name in ("unionid", "openid")]
    tokens = [who.token for who in (alice, bob, carol)]
    assert len(bodies) > 60
    for path, body in bodies:
        if path == "/userLogin":
            assert sum(one in body for one in ids) == 2
            continue
        for secret in ids + tokens + secrets:
            if (path, secret) == ("/getProof", "winning") and '"status":0' in body:
                continue
            if path in ("/openapi.json", "/asyncapi.json") and secret in ("winning", 'publisher"'):
                continue
            assert secret not in body, (path, secret)
    proofs = [body for path, body in bodies if path == "/getProof" and '"status":0' in body]
    assert len(proofs) == 3
    assert all(f'\\"code\\":\\"{over}\\"' in body for body in proofs)
    assert "/getTaskDetails 200" in log.text
    for secret in [*ids, *tokens, *secrets[:2], "sandbox&", "session_key", share]:
        assert secret not in log.text, secret
