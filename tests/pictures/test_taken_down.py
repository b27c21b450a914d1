"""Pictures that operators took down or a check refused are shown only to operators."""

from typing import Any

from server.actions.operate import hide_task
from server.store.audit_log import Actor
from support.client import Client, a_picture
from support.operators import operator
from support.purse import sweep_until_quiet
from support.reviews import read_again

ME = Actor("小林", shared=False)


ENVIRONMENT = {"OPS_TOKEN": "open sesame"}


async def statuses(client: Client, *urls: str) -> list[int]:
    """Return the status of each picture for a stranger who has its address."""
    paths = [url[url.index("/files/") :] for url in urls]
    answers = [await client.http.get(path, headers={"If-None-Match": "*"}) for path in paths]
    return [answer.status_code for answer in answers]


def card_of(reply: dict[str, Any]) -> list[str]:
    return [reply["pic"], reply["thumbnail"]]


async def test_pictures_and_posters_of_a_hidden_treasure_are_gone_until_it_shows(client, context, alice, bob):
    code = await alice.publish(forecast_num=1000)
    (card,) = (await bob.get("/getTaskList"))["data"]
    poster = (await bob.post("/getSharePic", code=code))["pic"]
    pictures = [*card_of(card), poster, poster.replace(".png", "_t.png").replace(".jpg", "_t.jpg")]
    assert await statuses(client, *pictures) == [304] * 4
    await hide_task(context, ME, code, "违法", hidden=True)
    await read_again(context, code)
    assert await statuses(client, *pictures) == [404] * 4
    (own,) = (await alice.get("/getMyRelease"))["data"]
    assert card_of(own) == card_of(await alice.get("/getTaskDetails", code=code)) == ["", ""]
    await hide_task(context, ME, code, "看错了", hidden=False)
    assert await statuses(client, *pictures) == [304] * 4


async def test_operators_see_what_was_taken_down_and_nobody_else_does(client, context, alice):
    code = await alice.publish(forecast_num=1000)
    task = await context.store.tasks.find(code)
    await hide_task(context, ME, code, "违法", hidden=True)
    assert (await client.http.get(f"/ops{task['pic']}")).status_code == 404
    await operator(client)
    seen = (await client.get("/ops/task", code=code))["pic"]
    assert seen == f"/ops{task['pic']}"
    answer = await client.http.get(seen)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert await statuses(client, task["pic"]) == [404]


async def test_caches_keep_a_picture_that_may_be_taken_down_for_an_hour_only(client, context, alice):
    code = await alice.publish()
    packet = await alice.publish_packet()
    drawn = card_of(await alice.get("/getTaskDetails", code=packet))
    await hide_task(context, ME, packet, "违法", hidden=True)
    await sweep_until_quiet(context)

    async def cached(path: str) -> str:
        answer = await client.http.get(path[path.index("/files/") :])
        assert answer.status_code == 200
        return str(answer.headers["Cache-Control"])

    poster = (await alice.post("/getSharePic", code=code))["pic"]
    assert await cached(poster) == "public, max-age=3600"
    # All red packets of this sum have the same picture, drawn by the server.
    for url in drawn:
        assert await cached(url) == "public, max-age=31536000, immutable"


async def test_a_picture_that_another_treasure_shows_stays(client, context, alice):
    url = (await alice.upload(a_picture()))["url"]
    hidden = await alice.publish(url=url)
    shown = await alice.publish(url=url)
    await hide_task(context, ME, hidden, "名字不合适", hidden=True)
    assert await statuses(client, url) == [304]
    await hide_task(context, ME, shown, "图片不合适", hidden=True)
    assert await statuses(client, url) == [404]
