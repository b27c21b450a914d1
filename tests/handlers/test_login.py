"""Logging in: false data is refused, and base64 that a query has changed is restored."""

from __future__ import annotations

import pytest

from server.context import Context
from support.client import Client
from support.login import a_ticket
from support.replies import refusal_of
from support.stored import everything


@pytest.mark.gen_test
async def test_a_false_login_is_refused_and_records_nobody(client: Client, context: Context) -> None:
    before = await everything(context)

    async def refused(**parameters: str) -> str:
        return str(refusal_of(await client.http.get("/userLogin", params=parameters))["error"])

    good = await a_ticket(client.http, user="alice")
    other = await a_ticket(client.http, user="alice")
    assert await refused(**(good | {"encryptedData": other["encryptedData"]})) == "bad_user_data"
    assert await refused(**good) == "bad_login_code"  # the attempt above spent it
    assert await refused(**await a_ticket(client.http, user="alice", appid="wx0123456789abcdef")) == (
        "bad_user_data"
    )
    bent = await a_ticket(client.http, user="alice")
    assert await refused(**(bent | {"iv": "not base64 at all"})) == "bad_user_data"
    assert await refused(code="made up", iv=good["iv"], encryptedData=good["encryptedData"]) == (
        "bad_login_code"
    )
    old = await a_ticket(client.http, user="alice")
    await context.sandbox.codes.collection.update_one(
        {"_id": old["code"]}, {"$inc": {"expires_at_ms": -300_000}}
    )
    assert await refused(**old) == "bad_login_code"
    for errcode, error in (
        (40029, "bad_login_code"),
        (40163, "bad_login_code"),
        (40226, "login_blocked"),
        (45011, "wechat_busy"),
        (-1, "wechat_busy"),
    ):
        found = await refused(**await a_ticket(client.http, user="alice", errcode=errcode))
        assert found in (error, "too_many"), errcode
    assert await everything(context) == before


@pytest.mark.gen_test
async def test_base64_whose_pluses_arrive_as_spaces_still_logs_in(client: Client) -> None:
    while True:
        given = await a_ticket(client.http, user="alice", nickname="小明", gender=1)
        if "+" in given["encryptedData"] and "+" in given["iv"]:
            break
    query = "&".join(f"{name}={value}" for name, value in given.items())  # as it is: no %2B
    reply = (await client.http.get(f"/userLogin?{query}")).json()
    assert reply["status"] == 0
    data = reply["data"]
    assert (data["nickName"], data["gender"], data["city"], data["province"], data["country"]) == (
        "小明",
        1,
        "深圳",
        "广东",
        "中国",
    )
    assert data.keys() == {
        "unionid", "openid", "nickName", "avatarUrl", "gender", "city", "province", "country", "token",
    }  # fmt: skip
