"""Searches on the square, by kind of prize and by names; and the lists of who dug which depth."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.context import Context
from server.game.amounts import DAY_MS
from server.store.digging import square
from server.store.digging.square import ARRANGED, MOST_OF_ONE, PAGE_SIZE, Place, Wanted, arranged, listed
from server.store.digging.terms import terms_of
from support.client import Someone
from support.drafts import RED_PACKET, publish_many
from support.planner import without_index
from support.purse import find


async def found(someone: Someone, **wanted: Any) -> list[str]:
    """Return the names of the treasures that a search finds."""
    reply = await someone.get("/getTaskList", **wanted)
    assert reply["status"] == 0, reply
    return [card["name"] for card in reply["data"]]


async def fresh(context: Context) -> None:
    """Forget the cached pages of the square."""
    context.square.forget()


async def test_the_square_is_narrowed_by_what_is_in_it_and_by_names(client, context, monkeypatch):
    monkeypatch.setattr(square, "MOST_OF_ONE", square.PAGE_SIZE)
    alice, bob = await client.log_in_all("alice", "bob")
    codes = await publish_many(
        alice,
        {"name": "红茶一盒", "draw_type": 2},
        {"name": "红酒", "draw_type": 1},
        {"name": "红茶", "draw_type": 2},
        RED_PACKET | {"name": "红包雨"},
        {"name": "绿茶", "draw_type": 2, "is_public": 0},
        {"name": "红茶两盒", "draw_type": 2},
    )
    tasks = context.store.tasks.collection
    now_ms = context.clock.now_ms()
    await tasks.update_one({"_id": codes[3]}, {"$set": {"open": 1, "opened_at": now_ms}})
    ended = {"status": 1, "ended_at": now_ms - DAY_MS}
    await tasks.update_one({"_id": codes[5]}, {"$set": ended})
    await fresh(context)
    assert await found(bob, kind="by_mail") == ["红茶", "红茶一盒", "红茶两盒"]
    assert await found(bob, kind="on_site") == ["红酒"]
    assert await found(bob, kind="red_packet") == ["红包雨"]
    mixed = {"goods_type": 1, "name": "花篮", "draw_type": 2, "nonce": "ab" * 16, "prize_num": 2}
    mixed |= {"prizes": [{"name": "花", "prize_num": 1}, {"name": "包", "prize_num": 1, "sum_fen": 100}]}
    mixed |= {"sealed_seed": (await alice.get("/commitment"))["sealed_seed"], "interval": 9, "fluctuation": 1}
    [both] = await publish_many(alice, mixed)
    await tasks.update_one({"_id": both}, {"$set": {"open": 1, "opened_at": now_ms + 1}})
    await fresh(context)
    for kind, first in (("red_packet", ["花篮"]), ("by_mail", ["花篮"]), ("on_site", ["红酒"])):
        assert (await found(bob, kind=kind))[:1] == first
    await tasks.update_one({"_id": both}, {"$set": {"hidden": 1}})
    await fresh(context)
    # Running treasures first, then ended ones; within both, the newest first.
    assert await found(bob, name="红茶") == ["红茶", "红茶一盒", "红茶两盒"]
    assert sorted(await found(bob, name="红")) == sorted(["红包雨", "红茶", "红茶一盒", "红茶两盒", "红酒"])
    assert await found(bob, name="红", kind="on_site") == ["红酒"]
    assert await found(bob, name=" 红酒\n") == ["红酒"]
    assert await found(bob, name="盒") == await found(bob, name="盒 ALi") == ["红茶一盒", "红茶两盒"]
    assert await found(bob, name="ＬＩＣ", kind="on_site") == ["红酒"]
    for nothing in ("绿", "茶红", ".*", "^红", "红茶 bob", "\u200d 茶 \u200d绿", "🎁" * 50):
        assert await found(bob, name=nothing) == [], nothing
    assert len(await found(bob)) == len(await found(bob, name="")) == 5
    for wrong in ({"kind": "goods"}, {"kind": 1}, {"name": "长" * 51}):
        assert (await bob.get("/getTaskList", **wrong))["error"] == "bad_request", wrong
    await tasks.update_one({"_id": codes[5]}, {"$set": {"ended_at": now_ms - 8 * DAY_MS}})
    await fresh(context)
    assert await found(bob, name="红茶") == ["红茶", "红茶一盒"]


@pytest.mark.parametrize("text", ["红", "红茶 一盒", ".*", "🎁🎀" * 25, "长" * 25 + "短" * 25, "\ufdfa" * 50])
def test_a_search_reads_one_index_in_its_order_and_asks_for_few_terms(text):
    parts, order = listed(Wanted(name=text), DAY_MS, DAY_MS)
    by_term = [index for index in square.INDEXES if index.document["name"] == "placed_by_term"]
    for part in parts:
        query = {"find": "tasks", "filter": part, "sort": dict(order)}
        assert list(without_index(query, {"tasks": by_term})) == []
    running = parts[0]
    asked = [running["terms"], *(running["$and"][0]["terms"]["$all"] if "$and" in running else [])]
    assert 1 <= len(asked) <= 8
    # In the index, the fields of the order follow the term, so that only the page asked for is read.
    assert list(by_term[0].document["key"])[:4] == ["terms", "status", "opened_at", "_id"]
    assert set(asked) <= set(terms_of(text, "小明"))
    assert len(terms_of(text * 50, text * 50)) <= 400


async def test_many_searches_do_not_drive_out_the_pages_that_everybody_reads(client, context, monkeypatch):
    monkeypatch.setattr("server.memory.square.FRESH_SECONDS", 60.0)
    alice = await client.log_in("alice")
    await publish_many(alice, {"name": "橙子"})
    page = await context.square.page(1)
    for number in range(60):
        await found(alice, name=f"橙{number}")
    assert context.square._pages.keys() == {(1, Wanted())}
    assert page in context.square._pages.values()


async def test_digs_are_listed_newest_first_paged_by_depth(client, context, monkeypatch, alice, bob, carol):
    monkeypatch.setattr("handlers.digging.digs.PAGE_SIZE", 10)
    [code] = await publish_many(alice, {"forecast_num": 100_000})
    for number in range(12):
        dug = await (carol if number % 3 else bob).dig(code)
        assert dug["status"] == 0
    listed: list[dict[str, Any]] = []
    bound: dict[str, int] = {}
    sizes = []
    while page := (await alice.get("/getDigs", code=code, **bound))["data"]:
        listed += page
        bound = {"before": page[-1]["depth"]}
        sizes.append(len(page))
        if len(sizes) == 1:  # a dig that comes between two pages shifts no row
            await bob.dig(code)
    assert sizes == [10, 2]
    assert [row["depth"] for row in listed] == list(range(12, 0, -1))
    names = {1: bob.data["nickName"], 2: carol.data["nickName"]}
    assert all(row["wxname"] == names[row["no"]] for row in listed)
    assert [row["no"] for row in listed[-4:]] == [1, 2, 2, 1]
    # A dig that is in its task and not yet in the history is listed, too.
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    await context.store.digs.collection.delete_one({"code": code, "depth": 13})
    assert [row["depth"] for row in (await bob.get("/getDigs", code=code))["data"]][:2] == [13, 12]
    assert (await bob.get("/getDigs", code="0" * 12))["error"] == "no_such_task"
    nobody = Someone(client, "nobody", "", {}, send_token=False)
    assert (await nobody.get("/getDigs", code=code))["error"] == "not_logged_in"


# ---------------------------------------------------------------- at most three of a publisher on a page

_lists = st.lists(st.tuples(st.sampled_from("aaaabbcdefghijk"), st.integers(0, 1)), max_size=150)


@given(_lists)
def test_each_task_is_on_one_page_with_at_most_three_of_its_publisher(asked):
    places = [
        Place(f"{n}", publisher, status)
        for n, (publisher, status) in enumerate(sorted(asked, key=lambda place: place[1]))
    ]
    publishers = {place.code: place.publisher for place in places}
    statuses = {place.code: place.status for place in places}
    pages = arranged(places)
    shown = [code for page in pages for code in page]
    assert sorted(shown) == sorted(publishers)
    assert all(pages)
    for page in pages:
        assert len(page) <= PAGE_SIZE
        assert max(Counter(publishers[code] for code in page).values()) <= MOST_OF_ONE
    # Each page keeps the order; over all pages, running treasures come before ended ones.
    assert all(int(one) < int(other) for page in pages for one, other in pairwise(page))
    assert [statuses[code] for code in shown] == sorted(statuses.values())
    # A full page stays the same, however many treasures follow.
    for number in range(0, len(places), 7):
        for page, whole in zip(arranged(places[:number]), pages, strict=False):
            assert page == whole[: len(page)]


async def test_a_page_of_the_square_has_three_of_a_publisher_and_later_ones_the_others(context, alice, bob):
    [code] = await publish_many(alice, {"name": "橙子"})
    [task] = await find(context, "tasks", _id=code)
    now_ms = context.clock.now_ms()
    # Alice published 60 treasures after 30 other people published one each. Five more of hers have ended.
    made: list[dict[str, Any]] = [
        {"_id": f"bobs{n:08}", "publisher": f"person {n}", "opened_at": now_ms - 1000} for n in range(30)
    ]
    made += [{"_id": f"alic{n:08}", "opened_at": now_ms} for n in range(60)]
    ended = {"opened_at": now_ms, "status": 1, "ended_at": now_ms - DAY_MS}
    made += [{**ended, "_id": f"over{n:08}"} for n in range(5)]
    await context.store.tasks.rows.insert_many([{**task, **fields} for fields in made])
    await fresh(context)
    pages: list[list[dict[str, Any]]] = []
    while not pages or pages[-1]:
        pages.append((await bob.get("/getTaskList", page=len(pages) + 1))["data"])
    codes = [card["code"] for page in pages for card in page]
    assert sorted(codes) == sorted([code, *(str(fields["_id"]) for fields in made)])
    assert [len(page) for page in pages[:3]] == [20, 16, 3]
    for page in pages:
        assert sum(not card["code"].startswith("bobs") for card in page) <= MOST_OF_ONE
    assert codes[-5:] == [f"over{n:08}" for n in range(5)]
    assert [card["code"] for card in (await bob.get("/getTaskList", page=4))["data"]] == codes[39:42]

    assert ARRANGED == 1000


async def test_each_of_many_that_start_later_is_found_once_the_soonest_first(context, monkeypatch, alice):
    [code] = await publish_many(alice, {"name": "橙子"})
    [task] = await find(context, "tasks", _id=code)
    begin_ms = context.clock.now_ms() + DAY_MS
    # The second half of these treasures start at the same time.
    starts = {f"soon{n:08}": begin_ms + min(n, 50) * 1000 for n in range(100)}
    await context.store.tasks.rows.insert_many(
        [
            {**task, "_id": later, "publisher": f"person {later}", "opened_at": at}
            for later, at in starts.items()
        ]
    )
    for wanted, running in (({"name": "橙子"}, [code]), ({"upcoming": 1}, [])):
        pages = [(await alice.get("/getTaskList", page=page, **wanted))["data"] for page in range(1, 8)]
        codes = [card["code"] for page in pages for card in page]
        assert sorted(codes) == sorted([*starts, *running])
        assert codes[100:] == running
        assert codes[:50] == list(starts)[:50]
    # The list ends with the first ARRANGED tasks: in 预告, with those that start soonest.
    monkeypatch.setattr(square, "ARRANGED", 50)
    await fresh(context)
    for wanted in ({"upcoming": 1}, {"upcoming": 1, "name": "橙"}):
        pages = [(await alice.get("/getTaskList", page=page, **wanted))["data"] for page in range(1, 8)]
        assert [card["code"] for page in pages for card in page] == list(starts)[:50]
