"""A publisher's page: name, picture, published treasures, and how the publisher treats winners."""

import pytest

from server.actions.people import erase as erasing
from server.game.amounts import DAY_MS
from server.game.handing import COUNTED, Handed, handed_over
from support.drafts import publish_many

MAILED = {"draw_type": 2, "amount_fen": 0, "claimed_at": 1000, "given_at": 1000}
ON_SITE = {"draw_type": 1, "amount_fen": 0, "claimed_at": 1000, "given_at": 5000}
PAID = {"draw_type": 1, "amount_fen": 88, "claimed_at": 1000, "given_at": 1001}
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], Handed(0, 1, 0)),
        ([MAILED], Handed(0, 1, 0)),
        ([{**MAILED, "sent_at": 11_000}, MAILED], Handed(1, 1, 10_000)),
        ([{**MAILED, "sent_at": 11_000}, ON_SITE, PAID], Handed(3, 1, 7_000)),
        ([PAID], Handed(1, 1, 0)),
        ([{**ON_SITE, "given_at": 1000}], Handed(1, 1, 1)),
        ([ON_SITE] * (COUNTED + 1), Handed(COUNTED, 0, 4_000)),
    ],
)
def test_what_was_handed_over_counts_and_only_goods_say_how_fast(given, said):
    assert handed_over(given) == said


async def test_a_publishers_page_shows_their_treasures_and_what_they_handed_over(context, alice, bob, carol):
    now_ms = context.clock.now_ms()
    over, unseen, running, later, hidden = await publish_many(
        alice,
        {"name": "钟", "draw_type": 1, "forecast_num": 1},
        {"name": "只给熟人", "is_public": 0},
        {"name": "茶", "wxname": "茶铺", "forecast_num": 1000},
        {"name": "灯", "starts_at": now_ms + HOUR_MS, "cd": 60, "forecast_num": 40},
        {"name": "伞"},
    )
    await context.store.moderation.set_hidden(hidden, hidden=True)
    await bob.win(over)
    pickup = (await bob.claim(over))["pickup"]
    assert (await alice.post("/confirmDraw", code=over, pickup=pickup))["status"] == 0
    details = [await carol.get("/getTaskDetails", code=code) for code in (over, unseen, running)]
    ids = {page["publisher_id"] for page in details}
    ids |= {card["publisher_id"] for card in (await carol.get("/getTaskList"))["data"]}
    [publisher_id] = ids
    page = await carol.get("/getPublisher", publisher_id=publisher_id)
    assert [card["code"] for card in page["data"]] == [later, running, over]
    assert (page["wxname"], page["mine"]) == (alice.data["nickName"], 0)
    assert (page["handed"], page["handed_all"]) == (1, 1)
    assert 0 < page["handed_in_ms"] < DAY_MS
    assert alice.unionid not in str(page)
    assert (await alice.get("/getPublisher", publisher_id=publisher_id))["mine"] == 1
    assert (await carol.get("/getPublisher", publisher_id=publisher_id, page=2))["data"] == []
    for wrong, error in (("0" * 11, "no_such_person"), (alice.unionid, "bad_request")):
        assert (await carol.get("/getPublisher", publisher_id=wrong))["error"] == error

    ended = {"$set": {"status": 1, "ended_at": now_ms}}
    await context.store.tasks.collection.update_many({"publisher": alice.id, "status": 0}, ended)
    await erasing.erase(context.store, alice.id)
    context.square.forget()
    assert (await carol.get("/getPublisher", publisher_id=publisher_id))["error"] == "no_such_person"
    assert {card["publisher_id"] for card in (await carol.get("/getTaskList"))["data"]} == {""}
