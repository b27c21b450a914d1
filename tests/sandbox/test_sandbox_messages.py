"""Messages to people who left: the sandbox answers as WeChat does, and the real client runs against it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from devtools.sandbox.login import wechat_id
from server import wechat as real
from server.context import Context
from server.errors import WeChatBusy
from server.wechat import WeChatError
from support.client import Client
from support.purse import misbehave

TEMPLATE = "won_template_of_the_sandbox"
ALICE = wechat_id("openid", "alice")
DATA = {
    "thing1": {"value": "一只茶壶"},
    "time2": {"value": "2026年12月1日 20:30"},
    "phrase3": {"value": "待领取"},
    "amount4": {"value": "12.50元"},
}


ENVIRONMENT = {"MESSAGE_WON": f"{TEMPLATE} thing1=name time2=until phrase3=status"}


async def subscribe(client: Client, user: str, template_id: str = TEMPLATE, **wishes: Any) -> dict[str, Any]:
    """Ask a person as `wx.requestSubscribeMessage` does."""
    asked = {"user": user, "tmplIds": [template_id], **wishes}
    answer: dict[str, Any] = (await client.http.post("/sandbox/subscribe", json=asked)).json()
    return answer


async def send(context: Context, **changes: Any) -> None:
    asked = {
        "openid": ALICE,
        "template_id": TEMPLATE,
        "data": DATA,
        "page": "pages/treasure/treasure?code=abcdefghijkl",
        "opens": "trial",
    }
    await context.wechat.send_message(**{**asked, **changes})


async def sent(client: Client, user: str = "alice") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.http.get("/sandbox/messages", params={"user": user})).json()[
        "messages"
    ]
    return found


async def test_a_consent_is_good_for_one_message_which_is_shown(client, context):
    assert await subscribe(client, "alice") == {"errMsg": "requestSubscribeMessage:ok", TEMPLATE: "accept"}
    await send(context)
    (message,) = await sent(client)
    assert message.pop("at_ms") > 0
    assert message == {
        "touser": ALICE,
        "template_id": TEMPLATE,
        "page": "pages/treasure/treasure?code=abcdefghijkl",
        "data": DATA,
        "miniprogram_state": "trial",
        "lang": "zh_CN",
    }
    with pytest.raises(WeChatError) as refused:
        await send(context)
    assert refused.value.errcode == 43101
    assert len(await sent(client)) == 1
    assert await sent(client, "bob") == []


async def test_a_person_who_declined_or_was_not_asked_gets_nothing(client, context):
    assert (await subscribe(client, "alice", decline=1))[TEMPLATE] == "reject"
    assert "20001" in (await subscribe(client, "alice", "a_template_that_nobody_set_up"))["errMsg"]
    with pytest.raises(WeChatError) as refused:
        await send(context)
    assert refused.value.errcode == 43101


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"openid": "somebody"}, 40003),
        ({"template_id": "a_template_that_nobody_set_up"}, 40037),
        ({"page": "/pages/treasure"}, 41030),
        ({"data": {}}, 47003),
        ({"data": {"thing1": {"value": "二十一个字的名字就比微信允许的多了一个字了啊"}}}, 47003),
        ({"data": {"thing1": {"value": ""}}}, 47003),
        ({"data": {"thing1": {"value": "🎁"}}}, 47003),
        ({"data": {"phrase1": {"value": "六个字的短语"}}}, 47003),
        ({"data": {"time1": {"value": "tomorrow"}}}, 47003),
        ({"data": {"amount1": {"value": "twelve"}}}, 47003),
        ({"data": {"unknown1": {"value": "1"}}}, 47003),
    ],
)
async def test_a_message_that_wechat_refuses_costs_no_consent(client, context, changes, errcode):
    await subscribe(client, "alice")
    with pytest.raises(WeChatError) as refused:
        await send(context, **changes)
    assert refused.value.errcode == errcode
    await send(context)


@pytest.mark.parametrize("what", ["error_before", "garbage", "disconnect", "timeout", "slow"])
async def test_a_wechat_that_misbehaves_did_not_acknowledge_the_message(client, context, what, monkeypatch):
    monkeypatch.setattr(real, "MESSAGE_SECONDS", 0.5)
    await subscribe(client, "alice")
    # WeChat's "system busy" is asked once more by itself.
    await misbehave(client, what, call="message", number=ALICE, seconds=5, times=2)
    with pytest.raises(WeChatBusy):
        await send(context)
    await misbehave(client, "behave")
    if what == "error_before":
        await send(context)
    else:  # it acted, and the consent is used
        with pytest.raises(WeChatError):
            await send(context)
    assert len(await sent(client)) == 1


async def test_a_slow_wechat_is_waited_for(client, context):
    await subscribe(client, "alice")
    await misbehave(client, "slow", call="message", seconds=1)
    began = asyncio.get_running_loop().time()
    await send(context)
    assert asyncio.get_running_loop().time() - began > 0.9


@pytest.mark.parametrize("code", ["43101", "47003", "40003"])
async def test_it_can_be_told_to_refuse(client, context, code):
    await subscribe(client, "alice")
    await misbehave(client, "refuse", call="message", code=code)
    with pytest.raises(WeChatError) as refused:
        await send(context)
    assert refused.value.errcode == int(code)


async def test_a_used_up_quota_is_told_as_a_busy_wechat(client, context):
    await subscribe(client, "alice")
    await misbehave(client, "refuse", call="message", code="45009")
    with pytest.raises(WeChatBusy):
        await send(context)


async def test_a_token_that_ended_is_renewed_and_the_message_sent_once(client, context):
    await subscribe(client, "alice")
    token = await context.wechat.access_token()
    assert context.sandbox is not None
    await context.sandbox.codes.tokens.delete_many({})
    await send(context)
    assert await context.wechat.access_token() != token
    assert len(await sent(client)) == 1
