"""Pictures of kinds of prizes: checked one by one, shown with the treasure, kept as long as it is."""

from __future__ import annotations

from urllib.parse import urlsplit

from devtools.sandbox import send_notices
from server.actions.reviews.review import settle_reviews
from server.actions.tidy import tidy_files
from support.client import Someone, a_picture
from support.purse import find, misbehave, rest
from support.reviews import CHECKED, settle

NONCE = "ab" * 16


ENVIRONMENT = CHECKED


async def publish(alice: Someone, urls: list[str]) -> str:
    """Publish a kind of goods for each picture; the first is also the treasure's own. Return its code."""
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
    # None of them is an upload that nobody uses.
    await context.store.files.collection.update_many({}, {"$set": {"metadata.delete_at": 1}})
    while await tidy_files(context):
        pass
    assert (await client.http.get(urlsplit(page["ranks"][2]["thumbnail"]).path)).status_code == 200


async def test_a_bad_picture_of_the_last_kind_refuses_the_whole_treasure(client, context):
    alice = await client.log_in("alice")
    urls = [(await alice.upload(a_picture(colour=colour)))["url"] for colour in ("red", "green")]
    code = await publish(alice, urls)
    [review] = await find(context, "reviews")
    while review["picture"] != urlsplit(urls[1]).path:
        await settle_reviews(context)
        await rest(context)
        await send_notices(context)
        await rest(context)
        [review] = await find(context, "reviews")
    await misbehave(client, "judge", call="media_check_async", code="risky")
    await settle(context)
    assert (await alice.get("/getTaskDetails", code=code))["review"] == "refused"
    other = await client.log_in("mallory")
    half = await other.get("/commitment")
    stolen = {"goods_type": 2, "draw_type": 2, "name": "偷图", "prize_num": 1, "forecast_num": 1}
    stolen |= {"prizes": [{"name": "偷", "prize_num": 1, "url": urls[0]}], "nonce": NONCE}
    reply = await other.post("/postTask", **stolen, sealed_seed=half["sealed_seed"])
    assert (reply["error"], reply["param"]) == ("bad_request", "prizes")
    assert "第 1 种奖品的图片" in reply["msg"]
