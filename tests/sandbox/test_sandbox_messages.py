"""Messages to people who left: the sandbox answers as WeChat does, and the real client runs against it."""

from typing import Any

import pytest

from devtools.sandbox.login import wechat_id
from server.context import Context
from server.wechat import WeChatError
from support.client import Client

TEMPLATE = "won_template_of_the_sandbox"
ALICE = wechat_id("openid", "alice")
DATA = {
    "thing1": {"value": "一只茶壶"},
    "time2": {"value": "2026年12月1日 20:30"},
    "phrase3": {"value": "待领取"},
    "amount4": {"value": "12.50元"},
}
ENVIRONMENT = {"MESSAGE_ENDED": f"{TEMPLATE} thing1=name time2=at phrase3=status amount4=refund"}


async def subscribe(client: Client, user: str, template_id: str = TEMPLATE, **wishes: Any) -> dict[str, Any]:
    """Ask a person for a consent, as `wx.requestSubscribeMessage` does."""
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


async def test_a_person_is_asked_about_five_templates_at_most(client):
    for number, said in ((6, ":fail"), (5, ":ok")):
        answer = await subscribe(client, "alice", tmplIds=[TEMPLATE] * number)
        assert said in answer["errMsg"]


async def test_a_message_that_wechat_refuses_costs_no_consent(client, context):
    for changes, errcode in [
        ({"openid": "somebody"}, 40003),
        ({"template_id": "a_template_that_nobody_set_up"}, 40037),
        ({"page": "/pages/treasure"}, 41030),
        ({"page": "pages/unreleased/unreleased"}, 41030),
        ({"data": {}}, 47003),
        ({"data": {name: DATA[name] for name in ("thing1", "time2", "phrase3")}}, 47003),
        ({"data": {**DATA, "thing5": {"value": "一只茶壶"}}}, 47003),
        ({"data": {**DATA, "thing1": {"value": "二十一个字的名字就比微信允许的多了一个字了啊"}}}, 47003),
        ({"data": {**DATA, "thing1": {"value": ""}}}, 47003),
        ({"data": {**DATA, "thing1": {"value": "🎁"}}}, 47003),
        ({"data": {**DATA, "phrase3": {"value": "六个字的短语"}}}, 47003),
        ({"data": {**DATA, "time2": {"value": "tomorrow"}}}, 47003),
        ({"data": {**DATA, "amount4": {"value": "twelve"}}}, 47003),
    ]:
        await subscribe(client, "alice")
        with pytest.raises(WeChatError) as refused:
            await send(context, **changes)
        assert refused.value.errcode == errcode
        await send(context)


async def test_a_token_that_ended_is_renewed_and_the_message_sent_once(client, context):
    await subscribe(client, "alice")
    token = await context.wechat.access_token()
    assert context.sandbox is not None
    await context.sandbox.codes.tokens.delete_many({})
    await send(context)
    assert await context.wechat.access_token() != token
    assert len(await sent(client)) == 1
