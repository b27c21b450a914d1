"""An uploaded picture is its uploader's: others cannot publish it, use it as theirs or have it taken down."""

from urllib.parse import urlsplit

import pytest

from server.actions.operate import hide_task
from server.context import Context
from server.store.audit_log import Actor
from support.client import Client, Someone, a_picture
from support.purse import find
from support.reviews import CHECKED, settle

ME = Actor("小林", shared=False)
DRAFT = {"goods_type": 2, "name": "猫", "prize_num": 1, "forecast_num": 9, "draw_type": 1}


@pytest.fixture(params=[{}, CHECKED], ids=["unchecked", "checked"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(request.param)


async def uploaded(someone: Someone) -> str:
    return urlsplit((await someone.upload(a_picture()))["url"]).path


async def statuses(client: Client, path: str) -> list[int]:
    """Return the statuses that a stranger gets for a picture and its thumbnail."""
    paths = (path, path.replace(".jpg", "_t.jpg"))
    return [(await client.http.get(each)).status_code for each in paths]


async def with_face(client: Client, context: Context, user: str) -> tuple[Someone, str]:
    """Return somebody, and the profile picture that others see."""
    someone = await client.log_in(user)
    path = await uploaded(someone)
    assert (await someone.post("/setProfile", wxheadpic=path))["status"] == 0
    await settle(context)
    (person,) = await find(context, "people", _id=someone.id)
    assert person["wxheadpic"] == path
    return someone, path


async def test_an_upload_of_somebody_else_is_refused_and_stays_as_it_is(client, context):
    alice, face = await with_face(client, context, "alice")
    bob = await client.log_in("bob")
    of_treasure = await uploaded(alice)
    unused = await uploaded(alice)
    await alice.publish(url=of_treasure)
    await settle(context)
    before = await find(context, "pictures.files")
    for path in (face, of_treasure, unused):
        for where, name, others in (("/postTask", "url", DRAFT), ("/setProfile", "wxheadpic", {})):
            refused = await bob.post(where, **{**others, name: path})
            nowhere = await bob.post(where, **{**others, name: f"/files/{'0' * 32}.jpg"})
            assert (refused["error"], refused["param"]) == ("bad_request", name)
            assert refused["msg"] == nowhere["msg"]
    assert await find(context, "pictures.files") == before
    assert await find(context, "tasks", publisher=bob.id) == []
    again = [(await alice.post("/postTask", url=face, publish_id="twice-the-same", **DRAFT)) for _ in "12"]
    assert again[0]["code"] == again[1]["code"]


async def test_a_face_stays_when_a_treasure_of_an_earlier_version_that_has_it_is_hidden(client, context):
    alice, face = await with_face(client, context, "alice")
    code = await (await client.log_in("bob")).publish()
    await settle(context)
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"pic": face}})
    await hide_task(context, ME, code, "违法", hidden=True)
    assert await statuses(client, face) == [200, 200]
    await context.store.people.rows.update_one({"_id": alice.id}, {"$unset": {"wxheadpic": ""}})
    assert await statuses(client, face) == [404, 404]
