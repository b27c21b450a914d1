"""Pictures of kinds of prizes: checked one by one, and shown and kept as long as the treasure."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from devtools.sandbox import send_notices
from server.actions.reviews.review import settle_reviews
from server.actions.tidy import tidy_files
from support.client import Someone, a_picture
from support.purse import find, rest
from support.reviews import CHECKED, settle

NONCE = "ab" * 16


ENVIRONMENT = CHECKED


async def publish(alice: Someone, urls: list[str]) -> str:
    """Publish a kind of goods for each picture; the first is the treasure's picture, too. Return the code."""
    asked = {"goods_type": 2, "draw_type": 2, "name": "各有各的图", "prize_num": len(urls), "forecast_num": 9}
    asked |= {"interval": 4, "fluctuation": 1, "cd": 0, "url": urls[0], "nonce": NONCE}
    asked["prizes"] = [{"name": f"第 {n} 种", "prize_num": 1, "url": url} for n, url in enumerate(urls)]
    asked["sealed_seed"] = (await alice.get("/commitment"))["sealed_seed"]
    reply = await alice.post("/postTask", **asked)
    assert reply["status"] == 0, reply
    return str(reply["code"])


async def test_each_picture_of_a_kind_is_checked_before_anybody_sees_the_treasure(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in ("red", "green", "blue")]
    code = await publish(alice, urls)
    [review] = await find(context, "reviews")
    assert "第 1 种" in review["text"]
    for path in (urlsplit(url).path for url in urls[1:]):
        assert (await client.http.get(path)).status_code != 200
    await settle(context)
    page = await bob.get("/getTaskDetails", code=code)
    assert [urlsplit(rank["pic"]).path for rank in page["ranks"]] == [urlsplit(url).path for url in urls]
    for rank in page["ranks"]:
        for address in (rank["pic"], rank["thumbnail"]):
            assert (await client.http.get(urlsplit(address).path)).status_code == 200
    # All of them count as used uploads.
    await context.store.files.collection.update_many({}, {"$set": {"metadata.delete_at": 1}})
    while await tidy_files(context):
        pass
    assert (await client.http.get(urlsplit(page["ranks"][2]["thumbnail"]).path)).status_code == 200


async def test_names_and_pictures_of_kinds_are_edited_and_checked_again_but_never_their_numbers(
    client, context, alice, bob
):
    colours = ("red", "green", "blue")
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in colours]
    code = await publish(alice, urls[:2])
    await settle(context)
    before = await bob.get("/getTaskDetails", code=code)
    plain = await alice.publish()
    two = [{"name": "金奖"}, {"name": "银奖", "url": urls[2]}]
    for bad, msg in (
        (two[:1], "“各种奖品”应为埋下时的 2 种"),
        ([*two, two[0]], "“各种奖品”应为埋下时的 2 种"),
        ([{"name": " "}, two[1]], "第 1 种奖品：“名称”应为 1 到 20 个字"),
        ([two[0], {"name": "银奖", "url": "/files/none.jpg"}], "“第 2 种奖品的图片”"),
        *(
            ([two[0], two[1] | {name: 1}], "第 2 种奖品：份数和金额埋下时就定了，只能改名称和图片")
            for name in ("prize_num", "money", "money_fen", "sum_fen", "value")
        ),
        ("[1]", "“各种奖品”应为"),
    ):
        refused = await alice.post("/editTask", code=code, name="各有各的图", prizes=bad)
        assert (refused.get("param"), refused["msg"][: len(msg)]) == ("prizes", msg)
    refused = await alice.post("/editTask", code=plain, name="猫", prizes=two)
    assert refused["msg"] == "这个宝贝只有一种奖品，没有“各种奖品”可以改"
    assert (await alice.get("/getTaskDetails", code=code))["ranks"] == before["ranks"]
    for edition, prizes in enumerate((json.dumps(two), two), 1):  # as a form sends it, and as JSON does
        reply = await alice.post("/editTask", code=code, name=f"第 {edition} 版", prizes=prizes)
        assert (reply["review"], reply["edited"]) == ("checking", edition), reply
    [review] = await find(context, "reviews", code=code)
    assert {"金奖", "银奖"} <= set(review["text"].splitlines())
    assert [review["picture"], *review["more"]] == [urlsplit(urls[at]).path for at in (0, 2)]
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    await settle(context)
    after = await bob.get("/getTaskDetails", code=code)
    assert after["commitment"] == before["commitment"]
    for at, name, old, rank in zip((0, 2), ("金奖", "银奖"), before["ranks"], after["ranks"], strict=True):
        assert (rank.pop("name"), urlsplit(rank.pop("pic")).path) == (name, urlsplit(urls[at]).path)
        assert rank.items() - {("thumbnail", rank["thumbnail"])} <= old.items()
    await context.store.files.collection.update_many({}, {"$set": {"metadata.delete_at": 1}})
    while await tidy_files(context):
        pass
    assert [(await client.http.get(urlsplit(url).path)).status_code for url in urls] == [200, 404, 200]


async def test_a_bad_picture_of_the_last_kind_refuses_the_whole_treasure(client, context, alice):
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in ("red", "green")]
    code = await publish(alice, urls)
    [review] = await find(context, "reviews")
    while review["picture"] != urlsplit(urls[1]).path:
        await settle_reviews(context)
        await rest(context)
        await send_notices(context)
        await rest(context)
        [review] = await find(context, "reviews")
    await client.misbehave("judge", call="media_check_async", code="risky")
    await settle(context)
    assert (await alice.get("/getTaskDetails", code=code))["review"] == "refused"
    other = await client.log_in("mallory")
    half = await other.get("/commitment")
    stolen = {"goods_type": 2, "draw_type": 2, "name": "偷图", "prize_num": 1, "forecast_num": 1}
    stolen |= {"prizes": [{"name": "偷", "prize_num": 1, "url": urls[0]}], "nonce": NONCE}
    reply = await other.post("/postTask", **stolen, sealed_seed=half["sealed_seed"])
    assert (reply["error"], reply["param"]) == ("bad_request", "prizes")
    assert "第 1 种奖品的图片" in reply["msg"]
