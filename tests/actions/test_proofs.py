"""The proof of an ended task is read a page at a time. All pages together are a proof that holds."""

import logging
from typing import Any

import msgspec
import pytest

from server.actions.digging import prove
from server.actions.digging.end_task import end_task_as_operator
from server.context import Context
from server.game import draw
from server.store.digging.digs import stored
from support.client import Client


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a proof has three digs."""
    monkeypatch.setattr(prove, "DIGS_A_PAGE", 3)


async def dig_to(client: Client, context: Context, depth: int, *, ended: bool = True) -> str:
    """Return the code of a goods task with this many digs; all but the first go straight into the store."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(prize_num=2, forecast_num=1_000_000, interval=100_000, fluctuation=1)
    assert (await bob.dig(code))["status"] == 0
    await context.background.finish()
    made = await context.store.digs.collection.find_one({"code": code})
    assert made is not None
    digs = [
        {**made, "_id": f"{code}:{n}", "depth": n, "n": n, "no": n, "person_id": f"u{n}", "dig_id": f"d{n}"}
        for n in range(2, depth + 1)
    ]
    if digs:
        await context.store.digs.collection.insert_many([stored(dig) for dig in digs])
    changes: dict[str, Any] = {"now_depth": depth, "last_dig": digs[-1] if digs else made}
    if ended:
        changes |= {"status": 1, "end_reason": "operator", "ended_at": 1}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": changes})
    return code


async def pages_of(client: Client, code: str) -> list[dict[str, Any]]:
    """Return all pages of a proof, and the empty page after them."""
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["digs"]:
        pages.append(await client.get("/getProof", code=code, page=len(pages) + 1))
        assert pages[-1]["status"] == 0
    return pages


async def test_the_pages_of_a_proof_make_one_that_holds(client, context, trips):
    for depth, sizes in ((1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])):
        code = await dig_to(client, context, depth)
        trips.sent.clear()
        pages = await pages_of(client, code)
        assert [len(page["digs"]) for page in pages] == [*sizes, 0]
        assert trips.sent.count("find digs") == len(sizes), "one read a page"
        whole = pages[0] | {"digs": [dig for page in pages for dig in page["digs"]]}
        proof = msgspec.convert(whole, draw.Proof)
        assert draw.differences(proof, pages[0]["commitment"]) == []
        assert proof.dug == depth
        trips.sent.clear()
        assert (await pages_of(client, code)) == pages
        assert trips.sent == [], "they are kept"


async def test_a_find_is_the_same_in_reply_frame_list_and_proof(client, context, open_page, alice, bob):
    together = await alice.publish(forecast_num=1_000_000, **await alice.halves())
    alone = await alice.publish(forecast_num=1_000_000)
    for code in (together, alone):
        page = await open_page(bob, code)
        await page.until("snapshot")
        replied = [(await bob.dig(code))["find"] for _ in range(5)]
        assert all(1 <= find <= 8 for find in replied) if code == together else replied == [0] * 5
        assert [(await page.until("cd"))["find"] for _ in range(5)] == replied
        listed = (await alice.get("/getDigs", code=code))["data"]
        assert [row["find"] for row in listed] == replied[::-1]
        # A process that ran older code recorded the third dig without its find.
        await client.rest()
        await context.store.digs.collection.update_one({"_id": f"{code}:3"}, {"$unset": {"find": 1}})
        await end_task_as_operator(context, code, "够了")
        pages = await pages_of(client, code)
        digs = [dig for each in pages for dig in each["digs"]]
        assert [dig["find"] for dig in digs] == replied
        assert draw.differences(msgspec.convert(pages[0] | {"digs": digs}, draw.Proof)) == []
        assert (await client.get("/getProof", code=code, page=9))["digs"] == [], "nobody dug so deep"


async def test_there_is_no_proof_before_the_end_or_of_an_unknown_task(client, context):
    running = await dig_to(client, context, 3, ended=False)
    for page in (1, 2):
        assert (await client.get("/getProof", code=running, page=page))["error"] == "not_ended"
    assert (await client.get("/getProof", code="A" * 12))["error"] == "no_such_task"
    unpaid = await client.people["alice"].publish_packet()
    await client.people["alice"].order(unpaid)
    await client.people["alice"].post("/endTask", code=unpaid)
    proof = await client.get("/getProof", code=unpaid)
    assert (proof["dug"], proof["digs"]) == (0, [])


async def test_the_newest_dig_counts_even_if_only_the_task_has_it(client, context):
    for depth in (1, 3, 4):
        code = await dig_to(client, context, depth)
        await context.store.digs.collection.delete_one({"_id": f"{code}:{depth}"})
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
        digs = [dig for page in await pages_of(client, code) for dig in page["digs"]]
        assert digs == [{"depth": n, "is_prize": 0, "find": 0} for n in range(1, depth + 1)]


async def test_a_history_that_lacks_a_dig_proves_nothing_until_it_is_back(client, context, caplog):
    code = await dig_to(client, context, 5)
    lost = await context.store.digs.collection.find_one_and_delete({"_id": f"{code}:2"})
    with caplog.at_level(logging.ERROR):
        assert (await client.get("/getProof", code=code))["error"] == "internal"
    assert "lacks digs between 1 and 3" in caplog.text
    await context.store.digs.collection.insert_one(lost)
    assert (await client.get("/getProof", code=code))["status"] == 0
