"""Logging in: false data is refused, and base64 that a query has changed is restored."""

import asyncio
import re
from typing import Any

import pytest

from server.game.given_names import given_name
from support.client import Client, Someone, a_picture
from support.login import a_ticket
from support.replies import refusal_of
from support.stored import everything


async def test_a_false_login_is_refused_and_records_nobody(client, context):
    before = await everything(context)

    async def refused(**parameters: str) -> str:
        return str(refusal_of(await client.http.get("/userLogin", params=parameters))["error"])

    good = await a_ticket(client.http, user="alice")
    other = await a_ticket(client.http, user="alice")
    assert await refused(**(good | {"encryptedData": other["encryptedData"]})) == "bad_user_data"
    assert await refused(**good) == "bad_login_code"  # the attempt above spent the code
    foreign = await a_ticket(client.http, user="alice", appid="wx0123456789abcdef")
    assert await refused(**foreign) == "bad_user_data"
    bent = await a_ticket(client.http, user="alice")
    assert await refused(**(bent | {"iv": "not base64 at all"})) == "bad_user_data"
    assert await refused(**(good | {"code": "made up"})) == "bad_login_code"
    old = await a_ticket(client.http, user="alice")
    codes = context.sandbox.codes.collection
    await codes.update_one({"_id": old["code"]}, {"$inc": {"expires_at_ms": -300_000}})
    assert await refused(**old) == "bad_login_code"
    assert await everything(context) == before


async def test_base64_whose_pluses_arrive_as_spaces_still_logs_in(client):
    while True:
        given = await a_ticket(client.http, user="alice", nickname="小明", gender=1)
        if "+" in given["encryptedData"] and "+" in given["iv"]:
            break
    query = "&".join(f"{name}={value}" for name, value in given.items())  # not encoded: no %2B
    reply = (await client.http.get(f"/userLogin?{query}")).json()
    assert reply["status"] == 0
    data = reply["data"]
    assert (data["nickName"], data["gender"], data["city"], data["province"], data["country"]) == (
        "小明", 1, "深圳", "广东", "中国",
    )  # fmt: skip


async def log_in_by_code(client: Client, user: str, **wishes: Any) -> Someone:
    """Log in as a mini-program does today, with only the code of wx.login."""
    given = await a_ticket(client.http, user=user, **wishes)
    reply = await client.get("/userLogin", code=given["code"])
    assert reply["status"] == 0, reply
    return Someone(client, reply["data"]["unionid"], reply["data"]["token"], reply["data"])


async def test_a_code_alone_logs_in_and_a_person_without_a_name_is_given_one_until_they_choose(client, alice):
    bob = await log_in_by_code(client, "bob")
    data = {name: bob.data[name] for name in ("nickName", "avatarUrl", "gender", "city", "named")}
    given = given_name(bob.id)
    assert re.fullmatch(r"[^0-9a-z]{4,9} \d\d", given)
    assert data == {"nickName": given, "avatarUrl": "", "gender": 0, "city": "", "named": 0}
    code = await alice.publish(forecast_num=100_000)
    dug = await bob.dig(code)
    assert (dug["status"], dug["wxname"], dug["wxheadpic"]) == (0, given, "")
    published = await alice.get("/getTaskDetails", code=await bob.publish())
    assert (published["wxname"], published["signed"]) == (given, 0)
    assert (await bob.post("/getSharePic", code=code))["status"] == 0
    picture = (await bob.upload(a_picture()))["url"]
    assert (await bob.post("/setProfile", wxname="鲍勃", wxheadpic=picture))["status"] == 0
    again = await log_in_by_code(client, "bob")
    assert (again.unionid, again.data["openid"]) == (bob.unionid, bob.data["openid"])
    shown = picture.partition("?")[0]  # without its signature
    assert (again.data["nickName"], again.data["avatarUrl"], again.data["named"]) == ("鲍勃", shown, 1)


async def test_a_login_by_code_keeps_what_wechat_once_said(client):
    before = (await client.log_in("alice", nickname="爱丽丝", gender=2)).data
    after = (await log_in_by_code(client, "alice")).data
    assert {**before, "token": ""} == {**after, "token": ""}
    assert after["named"] == 1
    assert (await client.log_in("carol", anonymous=1)).data["named"] == 0


@pytest.mark.parametrize("given", ["0", "1"])
async def test_a_person_keeps_the_id_of_the_first_login_whether_wechat_gives_a_unionid_or_not(client, given):
    first = await log_in_by_code(client, "alice", unionid=given)
    assert (first.unionid == f"openid:{first.data['openid']}") == (given == "0")
    for later in ("1", "0", "data"):
        assert (await client.log_in("alice", unionid=later)).unionid == first.unionid
        assert (await log_in_by_code(client, "alice", unionid=later)).unionid == first.unionid


async def test_first_logins_at_once_with_and_without_a_unionid_make_one_person(client, context):
    people = context.store.people
    session = {"openid": "o", "nickName": "", "avatarUrl": "", "gender": 0}
    logins = [
        {**session, "unionid": unionid, "city": "", "province": "", "country": ""}
        for unionid in ("u", "openid:o", "u", "openid:o")
    ]
    saved = await asyncio.gather(*(people.save(login, told=False) for login in logins))  # type: ignore[arg-type]
    assert len({(person["_id"], person["unionid"]) for person in saved}) == 1
    assert await people.rows.count_documents({}) == 1
