"""A task's details: their content for each caller, and which shares count."""

import asyncio
from typing import NamedTuple

from pymongo.errors import NotPrimaryError

from server.memory.visiting import NOTED_SECONDS
from support.client import Someone
from support.drafts import RED_PACKET, publish_many
from support.meanwhile import failing, meanwhile
from support.purse import find

# The fields that the mini-program's printed document names.
PRINTED = {
    "goods_type", "is_prize", "is_draw", "draw_type", "money", "wxname", "wxheadpic", "code", "name",
    "synopsis", "pic", "now_depth", "max_depth", "prize_num", "is_cd", "time", "status", "users",
}  # fmt: skip


async def test_a_client_made_from_the_printed_document_reads_a_page_and_digs(client, alice, bob):
    """The client knows only the printed fields: no token, and no code when it asks for participants."""
    code = await alice.publish(forecast_num=30, prize_num=2, interval=9, fluctuation=0, cd=60)
    ask = {"unionid": bob.unionid, "code": code}
    details = await client.get("/getTaskDetails", is_share=0, **ask)
    kinds = {name: type(details[name]) for name in PRINTED}
    assert {name for name, kind in kinds.items() if kind is str} == {
        "wxname", "wxheadpic", "code", "name", "synopsis", "pic",
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if kind is not str and kind is not int} == {"users"}
    assert (details["status"], details["is_cd"], details["time"], details["users"]) == (0, 0, 60, [])
    assert (details["rules_version"], details["seed_hash"], details["nonce"]) == (1, "", "")
    dug = await client.post("/postTask", **ask)
    assert dug["status"] == 0
    assert {name: type(dug[name]) for name in ("is_prize", "wxname", "wxheadpic")} == {
        "is_prize": int, "wxname": str, "wxheadpic": str,
    }  # fmt: skip
    # Such a client counts the 60 seconds itself, and appends the digger itself.
    after = await client.get("/getTaskDetails", is_share=0, **ask)
    assert (after["is_cd"], after["now_depth"], len(after["users"])) == (1, 1, 1)
    assert 0 < after["time"] <= 60
    said = {name: dug[name] for name in ("is_prize", "wxname", "wxheadpic")}
    assert said.items() <= after["users"][0].items()
    assert (await client.get("/getTaskUser", unionid=bob.unionid, page=1))["data"] == after["users"]
    assert (await client.get("/getTaskUser", unionid=bob.unionid))["data"] == []


class Seen(NamedTuple):
    """The fields by which a page learns whether it may dig. Older clients know only `is_cd` and `time`."""

    why: str
    is_cd: int = 1
    time: int = 0
    is_prize: int = 0
    status: int = 0


async def test_a_page_says_whether_its_caller_can_dig_and_if_not_why(context, alice, bob, carol):
    rules = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 40}
    warm, quick, packet, over = await publish_many(
        alice, rules | {"cd": 30}, rules | {"cd": 3}, RED_PACKET | {"cd": 20}, {"forecast_num": 1, "cd": 5}
    )

    async def seen(someone: Someone, code: str) -> Seen:
        details = await someone.get("/getTaskDetails", code=code)
        data = details["data"]
        assert details.keys() == data.keys() | {"msg", "data"}
        assert {**details, "status": data["status"]}.items() >= data.items()
        assert (details["status"], details["msg"]) == (0, "")
        assert (details["can_dig"] == 1) == (details["is_cd"] == 0) == (details["why"] == "")
        assert abs(details["server_time"] - context.clock.now_ms()) < 5000
        return Seen(*(details[name] for name in ("why", "is_cd", "time", "is_prize")), status=data["status"])

    assert await seen(bob, warm) == Seen("", is_cd=0, time=30)
    assert await seen(alice, warm) == Seen("own_task", time=30)
    # With `is_cd` 1 and `time` 10, an older client asks again in 10 s at the earliest.
    assert await seen(alice, quick) == Seen("own_task", time=10)
    assert await seen(bob, packet) == Seen("not_paid", time=20)
    assert await seen(alice, packet) == Seen("not_paid", time=20)
    assert (await bob.dig(warm))["is_prize"] == 1
    assert (await bob.dig(over))["task_status"] == 1
    assert await seen(bob, warm) == Seen("already_won", time=30, is_prize=1)
    assert await seen(carol, warm) == Seen("cooling_down", time=30)
    assert await seen(alice, warm) == Seen("own_task", time=30)
    assert await seen(bob, over) == Seen("ended", time=10, is_prize=1, status=1)
    assert await seen(carol, over) == Seen("ended", time=10, status=1)
    # Lists show the true cooldown to everybody.
    for someone in (alice, bob, carol):
        cards = {card["code"]: card for card in (await someone.get("/getTaskList"))["data"]}
        assert [cards[code]["is_cd"] for code in (warm, quick, over)] == [1, 0, 0]
    # The cooldown runs out.
    context.hub.known.by_code[warm].cd_until = context.clock.now_ms() + 1500
    assert await seen(carol, warm) == Seen("cooling_down", time=2)
    assert await seen(bob, warm) == Seen("already_won", time=2, is_prize=1)
    context.hub.known.by_code[warm].cd_until = context.clock.now_ms()
    assert await seen(bob, warm) == Seen("already_won", time=30, is_prize=1)
    assert await seen(carol, warm) == Seen("", is_cd=0, time=30)
    mine, theirs = [await who.get("/getTaskDetails", code=packet) for who in (alice, bob)]
    assert (mine["need_pay"], mine["owed"], theirs["need_pay"], theirs["owed"]) == (1, 24, 0, 0)
    # For a task that ended before it was paid, page and dig give the same reason.
    assert (await alice.post("/endTask", code=packet))["status"] == 0
    assert await seen(bob, packet) == Seen("not_paid", time=20, status=1)
    assert (await bob.dig(packet))["error"] == "not_paid"


async def test_who_first_brought_whom_to_a_task_is_noted(client, context, alice, bob, carol, dave):
    code, other = await publish_many(alice, {"is_public": 0}, {})

    async def noted() -> set[tuple[str, str, str]]:
        await client.rest()
        names = {who.id: name for name, who in client.people.items()}
        tasks = {code: "code", other: "other"}
        shared = await find(context, "visits", sharer={"$exists": True})
        return {(tasks[each["code"]], names[each["sharer"]], names[each["person_id"]]) for each in shared}

    bobs = (await bob.get("/getTaskDetails", code=code))["share"]
    carols = (await carol.get("/getTaskDetails", code=code))["share"]
    assert len({bobs, carols}) == 2
    assert all(len(share) == 31 and share.isalnum() and share.isascii() for share in (bobs, carols))
    assert (await bob.get("/getTaskDetails", code=code))["share"] == bobs
    elsewhere = (await bob.get("/getTaskDetails", code=other))["share"]
    assert elsewhere != bobs
    # Visits without a share, with an unknown sharer, by the sharer, with the share of another task, or
    # without `is_share` do not count as shares.
    for asked in (
        {},
        {"is_share": 1},
        {"is_share": 1, "from_unionid": "nobody"},
        {"is_share": 1, "from_unionid": "Z" * 31},
        {"is_share": 1, "from_unionid": carol.unionid},
        {"is_share": 1, "from_unionid": carols},
        {"is_share": 1, "from_unionid": elsewhere},
        {"is_share": 0, "from_unionid": bob.unionid},
        {"from_unionid": bobs},
    ):
        assert (await carol.get("/getTaskDetails", code=code, **asked))["status"] == 0
    assert (await carol.get("/getTaskDetails", code=carols))["code"] == code
    assert await noted() == set()
    for _ in range(2):
        await carol.get("/getTaskDetails", code=code, is_share=1, from_unionid=bob.unionid)
        await carol.get("/getTaskDetails", code=code, is_share=1, from_unionid=bobs)
        await carol.get("/getTaskDetails", code=other, is_share="1", from_unionid=alice.unionid)
        await carol.get("/getTaskDetails", code=code, is_share=1, from_unionid=dave.unionid)
    assert await noted() == {("code", "bob", "carol"), ("other", "alice", "carol")}
    scanned = await asyncio.gather(*(dave.get("/getTaskDetails", code=bobs) for _ in range(3)))
    assert {details["code"] for details in scanned} == {code}
    assert len({details["share"] for details in scanned}) == 1
    assert await noted() == {
        ("code", "bob", "carol"), ("other", "alice", "carol"), ("code", "bob", "dave"),
    }  # fmt: skip
    assert (await dave.get("/getTaskDetails", code="Z" * 31))["error"] == "no_such_task"
    dug = await dave.dig(bobs)
    assert (dug["status"], dug["now_depth"]) == (0, 1)


async def test_a_page_is_read_while_mongodb_takes_no_writes(context, client, monkeypatch, alice, bob, code):
    away = failing(NotPrimaryError("not primary"))
    monkeypatch.setattr(context.store.visits.rows, "bulk_write", away)
    monkeypatch.setattr(context.known_people, "id_of", away)
    page = await alice.get("/getTaskDetails", code=code)
    of_old = {"code": code, "is_share": 1, "from_unionid": bob.unionid}
    for shown in (page, await alice.get("/getTaskDetails", **of_old)):
        assert (shown["status"], shown["code"]) == (0, code)
    await client.rest()
    monkeypatch.undo()
    assert await find(context, "visits") == []
    assert (await alice.get("/getTaskDetails", **of_old))["code"] == code
    await client.rest()
    [visit] = await find(context, "visits")
    assert visit["sharer"] == bob.id, "what was not written is written the next time"


async def test_a_visit_is_written_at_most_once_a_minute(context, monkeypatch, client, bob, code):
    written = meanwhile(monkeypatch, context.store.visits, "open")
    shares = {(await bob.get("/getTaskDetails", code=code))["share"] for _ in range(3)}
    await client.rest()
    assert len(shares) == len(written) == 1
    remembered = context.visiting._last
    remembered.expire(remembered.timer() + NOTED_SECONDS)
    await bob.get("/getTaskDetails", code=code)
    await client.rest()
    assert len(written) == 2


async def test_who_won_is_listed_alone_and_only_a_winner_reads_which_place_is_their_own(alice, bob, carol):
    code = await alice.publish(prize_num=2, forecast_num=8, interval=3, fluctuation=1, cd=0)
    places = {}
    for digger in (bob, carol):
        assert (await digger.get("/getTaskDetails", code=code))["no"] == 0
        won = None
        while won is None or not won["is_prize"]:
            won = await digger.dig(code)
        places[digger.unionid] = won["no"]
    assert set(places.values()) == {1, 2}
    for reader in (alice, bob, carol):
        details = await reader.get("/getTaskDetails", code=code)
        assert details["no"] == details["data"]["no"] == places.get(reader.unionid, 0)
        assert not any(other.id in str(details) for other in (bob, carol) if other is not reader)
        rows = (await reader.get("/getDigs", code=code))["data"]
        wins = [row for row in rows if row["is_prize"]]
        assert [row["no"] for row in wins] == [2, 1]
        assert (await reader.get("/getDigs", code=code, won=1))["data"] == wins
        earlier = await reader.get("/getDigs", code=code, won=1, before=wins[0]["depth"])
        assert earlier["data"] == wins[1:]
    assert (await bob.get("/getDigs", code=code, won=2))["error"] == "bad_request"
