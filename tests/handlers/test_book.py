"""The book of finds: what a person's digs brought up, from an index alone, and the mark of whole layers."""

from typing import Any

from pymongo import MongoClient

from server.store.digging.digs import stored
from support.examined import Rules
from support.plans import explainable

DIGS = 120


def copies(made: Any, finds: list[int]) -> list[Any]:
    """Return later digs by the digger of this one, which brought up these finds at 1, 2 … ms after 1970."""
    own = {name: value for name, value in made.items() if name != "n"} | {"code": "B" * 12}
    digs: list[Any] = [
        {**own, "_id": f"B:{n}", "depth": n, "dig_id": f"d{n}", "find": find, "at": n}
        for n, find in enumerate(finds, 1)
    ]
    return [stored(dig) for dig in digs]


async def test_a_book_of_many_digs_is_one_read_of_an_index_alone(context, trips, settings, alice, bob):
    code = await alice.publish(**await alice.halves())
    first = (await bob.dig(code))["find"]
    await context.background.finish()
    made = await context.store.digs.rows.find_one({"code": code})
    await context.store.digs.rows.insert_many(copies(made, [n % 40 + 9 for n in range(DIGS)]))
    trips.commands.clear()
    book = await bob.get("/getMyFinds")
    later = [{"find": find, "at": find - 8, "code": "B" * 12} for find in range(9, 49)]
    assert book["data"] == [{"find": first, "at": book["data"][0]["at"], "code": code}, *later]
    assert book["layers"] == 5
    [read] = [command for command in trips.commands if "digs" in command.values()]
    [query] = explainable("aggregate", read)
    with MongoClient[dict[str, Any]](settings.mongodb_uri) as client:
        rules = Rules(client.get_default_database(), context.store.indexes())
        assert rules.examined(query)["documents"] == 0


async def test_others_see_a_layer_once_its_finder_opens_it(client, context, open_page, alice, bob, carol):
    code = await alice.publish(**await alice.halves())
    other = await alice.publish(**await alice.halves())
    assert await bob.get("/getMyFinds") == {"status": 0, "msg": "", "layers": 0, "data": []}
    own = (await bob.dig(code))["find"]
    await client.rest()
    made = await context.store.digs.rows.find_one({"code": code})
    *others, last = copies(made, [find for find in range(1, 9) if find != own])
    await context.store.digs.rows.insert_many(others)
    assert (await bob.get("/getMyFinds"))["layers"] == 0, "seven of eight"
    await context.store.digs.rows.insert_one(last)
    assert (await bob.get("/getMyFinds"))["layers"] == 1
    page = await open_page(carol, other)
    await page.until("snapshot")
    dug = [await bob.dig(other), await carol.dig(other)]
    assert [(await page.until("join"))["layers"] for _ in dug] == [1, 0]
    await client.rest()
    details = await alice.get("/getTaskDetails", code=other)
    assert [row["layers"] for row in details["users"]] == [1, 0]
    assert details["finds"] == sorted({each["find"] for each in dug})
    assert [row["layers"] for row in (await alice.get("/getDigs", code=other))["data"]] == [0, 1]
    assert [row["find"] for row in (await carol.get("/getMyDigs"))["data"]] == [dug[1]["find"]]
    by = await bob.get("/getPublisher", publisher_id=details["publisher_id"])
    assert (by["layers"], by["finds"]) == (0, sorted({own, *details["finds"]}))
