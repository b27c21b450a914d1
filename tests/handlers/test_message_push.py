"""`/wxPush`: WeChat checks the server's address and pushes events; requests of others change nothing."""

import asyncio
import base64
from typing import Any, ClassVar
from unittest import mock

import httpx
import msgspec
import pytest
from Crypto.Cipher import AES

from devtools.sandbox import send_notices
from server.actions.operate import ban
from server.actions.people.leave import erase_leavers
from server.actions.people.whom import Whom
from server.context import Context
from server.game.given_names import given_name
from server.store.audit_log import Actor
from server.store.people.people import shown_name
from server.wechat.message_push import MessagePush
from support.client import ADDRESS, Client, Someone, a_picture, rest
from support.purse import DAY_MS, find, let_pass
from support.reviews import AES_KEY, CHECKED, PUSH_TOKEN, settle
from support.stored import naming, person_of

OTHER_KEY = AES_KEY[::-1]
NONCE = "415670741"
STAMP = "1714112445"


ENVIRONMENT = CHECKED


def seal(key: str, message: bytes, appid: str) -> str:
    return MessagePush(PUSH_TOKEN, key, appid).seal(message)


def an_event(**fields: Any) -> bytes:
    event = {
        "ToUserName": "gh_97417a04a28d",
        "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "CreateTime": 1714112445,
        "MsgType": "event",
        "Event": "wxa_media_check",
        "trace_id": "60ae120f-371d5872-4941a05b",
        "version": 2,
        "errcode": 0,
        "result": {"suggest": "pass", "label": "100"},  # in other answers of WeChat this is a text
    }
    return msgspec.json.encode(event | fields)


async def push(
    client: Client, context: Context, encrypted: str, *, signed: str | None = None, **query: str
) -> httpx.Response:
    """Push as WeChat does. With `signed`, the signature is made for this text and not for the ciphertext."""
    reader = MessagePush(PUSH_TOKEN, AES_KEY, context.settings.appid)
    asked = {
        "timestamp": STAMP,
        "nonce": NONCE,
        "encrypt_type": "aes",
        "msg_signature": reader.signature(STAMP, NONCE, encrypted if signed is None else signed),
    }
    body = msgspec.json.encode({"ToUserName": "gh_97417a04a28d", "Encrypt": encrypted})
    return await client.http.post("/wxPush", params=asked | query, content=body)


def test_signatures_are_those_of_wechats_own_examples():
    reader = MessagePush("AAAAA", AES_KEY, "wx1")
    # https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
    reader.check_address("f464b24fc39322e44b38aa78f5edd27bd1441696", "1714036504", "1514711492")
    # https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.md
    assert reader.signature("1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"


async def test_the_check_of_our_address_gets_its_echo_and_no_other_does(client):
    reader = MessagePush(PUSH_TOKEN, AES_KEY, "")
    good = {"signature": reader.signature(STAMP, NONCE), "timestamp": STAMP, "nonce": NONCE}
    answer = await client.http.get("/wxPush", params=good | {"echostr": "4375120948345356249"})
    assert (answer.status_code, answer.text) == (200, "4375120948345356249")
    for wrong in ({"signature": "0" * 40}, {"nonce": "1"}, {"timestamp": "2"}, {"signature": "é"}):
        answer = await client.http.get("/wxPush", params=good | wrong | {"echostr": "4375"})
        assert (answer.status_code, answer.text) == (403, "")
    assert (await client.http.get("/wxPush")).status_code == 403


async def test_an_event_is_taken_once_however_often_it_comes(client, context):
    appid = context.settings.appid
    for suggest in ("pass", "risky", "risky"):
        sealed = seal(AES_KEY, an_event(result={"suggest": suggest, "label": 20002}), appid)
        answer = await push(client, context, sealed)
        assert (answer.status_code, answer.text) == (200, "success")
    (check,) = await find(context, "media_checks")
    assert (check["_id"], check["said"]) == ("60ae120f-371d5872-4941a05b", "pass")


async def test_forged_truncated_and_foreign_pushes_get_403_and_nothing_is_done(client, context):
    appid = context.settings.appid
    good = seal(AES_KEY, an_event(), appid)
    raw = base64.b64decode(good)
    key = base64.b64decode(AES_KEY + "=")

    def encrypt(plain: bytes) -> str:
        return base64.b64encode(AES.new(key, AES.MODE_CBC, key[:16]).encrypt(plain)).decode()

    huge = b"r" * 16 + (1 << 31).to_bytes(4, "big") + an_event() + appid.encode()
    forgeries = ({"signed": good + "x"}, {"msg_signature": ""}, {"nonce": "1"})
    answers = [await push(client, context, good, **each) for each in forgeries]
    for sealed in (
        *(
            seal(AES_KEY, an_event(), "wxother"),
            seal(AES_KEY, an_event(), ""),
            seal(OTHER_KEY, an_event(), appid),
        ),
        *(base64.b64encode(raw[:end]).decode() for end in (-32, -1)),  # cut off, also within a block
        *("", "你好", encrypt(b"r" * 64), encrypt(huge + b"\x01" * (-len(huge) % 32 or 32))),
    ):
        answers.append(await push(client, context, sealed))
    for body in (b"<xml><Encrypt>x</Encrypt></xml>", b'{"x":' + b"[" * 10_000, b"", an_event()):
        answers.append(await client.http.post("/wxPush", content=body))
    assert [(answer.status_code, answer.text) for answer in answers] == [(403, "")] * 16
    assert await find(context, "media_checks") == []
    assert (await push(client, context, good)).status_code == 200


async def test_other_events_are_answered_and_nothing_is_done(client, context):
    others = (
        *(an_event(Event="debug_demo"), an_event(Event=5), an_event(trace_id=["x"]), b"{}", b"<xml/>"),
        an_event(Event="user_enter", errcode="many", result=["something", "else"]),
    )
    for event in others:
        answer = await push(client, context, seal(AES_KEY, event, context.settings.appid))
        assert (answer.status_code, answer.text) == (200, "success"), event
    assert await find(context, "media_checks") == []


async def test_a_result_that_wechat_calls_invalid_is_for_an_operator(client, context):
    for number, fields in enumerate(
        [
            {"errcode": -1008},
            {"errcode": -1008, "result": {"suggest": "", "label": 0}},
            {"errcode": "-1010", "result": None},
            {"errcode": []},
            {"result": {"suggest": "later"}},
            {"result": "pass"},
        ]
    ):
        event = an_event(trace_id=f"trace-{number}", **fields)
        answer = await push(client, context, seal(AES_KEY, event, context.settings.appid))
        assert answer.status_code == 200
    assert [check["said"] for check in await find(context, "media_checks")] == ["review"] * 6


async def told(client: Client, context: Context, openid: str, *names: str) -> list[str]:
    """Let the sandbox push what happens to a person; return what became of each push, after a first try."""
    for name in names:
        await client.misbehave("push", number=openid, code=name)
    await rest(context)
    await send_notices(context)
    return [notice["state"] for notice in await find(context, "sandbox_notices")][-len(names) :]


EVENTS = ("user_authorization_revoke 6,2", "user_info_modified", "user_authorization_cancellation")


class TestBothModes:
    """What the sandbox pushes, of which it takes only the answers that WeChat's pages ask for."""

    @pytest.fixture(params=["safe", "plain"])
    def environment(self, request: pytest.FixtureRequest) -> dict[str, str]:
        return CHECKED if request.param == "safe" else {**CHECKED, "WECHAT_ENCODING_AES_KEY": ""}

    async def test_chat_goes_on_to_customer_service_and_events_are_acknowledged(self, client, context):
        chat = ("text", "image", "miniprogrampage")
        others = ("user_enter_tempsession", "trade_manage_order_settlement", "debug_demo", *EVENTS)
        assert await told(client, context, "o" + "x" * 27, *chat, *others) == ["done"] * 9
        assert await find(context, "audit_log") == []

    async def test_a_forged_push_changes_nothing_and_the_genuine_one_after_does(self, client, context, bob):
        await client.misbehave("forge_notice")
        assert await told(client, context, await openid(context, bob), EVENTS[2]) == ["done"]
        assert "leaving" in await person_of(context, bob)
        for query in ({}, {"signature": "0" * 40, "timestamp": STAMP, "nonce": NONCE}):
            about = an_event(Event=EVENTS[2], OpenID=await openid(context, bob))
            assert (await client.http.post("/wxPush", params=query, content=about)).status_code == 403
        assert (await client.http.post("/wxPush", content=b"x" * (2 << 20))).status_code == 413


# What follows from what is pushed does not depend on the mode.


async def test_what_is_taken_back_is_gone_everywhere_and_goods_still_arrive(client, context, alice, bob):
    face = (await bob.upload(a_picture()))["url"]
    await bob.post("/setProfile", wxname="鲍勃本人", wxheadpic=face)
    await settle(context)
    codes = [await alice.publish(forecast_num=1) for _ in range(2)]
    own = await bob.publish(forecast_num=5)
    await settle(context)
    for code in codes:
        await bob.win(code)
        await bob.claim(code, **ADDRESS)
    await alice.post("/shipPrize", code=codes[0], depth=1, carrier="顺丰", number="SF12345678")
    await bob.post("/receivePrize", code=codes[0])
    await bob.post("/setProfile", wxname="鲍勃又来")  # in review now
    about = {"OpenID": await openid(context, bob), "AppID": context.settings.appid}
    revoked = an_event(Event="user_authorization_revoke", RevokeInfo="19,2", **about)
    await push_any(client, context, revoked)
    assert await naming(context, "鲍勃") == []
    boxes = [("address_box" in prize, prize["state"]) for prize in await find(context, "prizes")]
    assert sorted(boxes) == [(False, "received"), (True, "given")]
    assert (await bob.get("/getTaskDetails", code=own))["wxname"] == given_name(bob.id)
    await bob.post("/setProfile", wxname="新名字")
    await settle(context)
    await push_any(client, context, revoked)  # replayed
    assert shown_name(await person_of(context, bob)) == "新名字"
    acts = [(act["operator"], act["act"], act["outcome"]) for act in await find(context, "audit_log")]
    assert acts == [("WeChat", "user_authorization_revoke", "done")]


async def test_a_push_that_was_cut_off_is_done_when_it_comes_again(client, context, bob):
    event = an_event(Event=EVENTS[2], OpenID=await openid(context, bob), AppID=context.settings.appid)
    with mock.patch.object(context.store.people, "ask_to_leave", side_effect=OSError):
        assert (await push_any(client, context, event)).status_code == 500
    assert (await push_any(client, context, event)).status_code == 200
    assert "leaving" in await person_of(context, bob)
    assert [act["outcome"] for act in await find(context, "audit_log")] == ["done"]


async def test_an_account_that_wechat_cancels_goes_once_nothing_is_under_way(client, context, alice, bob):
    code = await alice.publish(forecast_num=1)
    await settle(context)
    await bob.win(code)
    await bob.claim(code, **ADDRESS)
    refused = await bob.post("/deleteAccount")
    assert refused["error"] == "cannot_leave"
    assert await told(client, context, await openid(context, bob), EVENTS[2], EVENTS[2]) == ["done"] * 2
    assert (await bob.post("/logout"))["error"] == "bad_token"
    until = (await person_of(context, bob))["leaving"]["until"]
    assert abs(until - context.clock.now_ms() - 7 * DAY_MS) < 60_000
    await let_pass(context, 8 * DAY_MS)
    await erase_leavers(context)
    assert "erasing" not in await person_of(context, bob)


@pytest.mark.parametrize("amid", ["a ban", "a claim of money", "an address that is sent"])
async def test_what_is_taken_back_amid_other_acts_is_gone_and_they_go_on(client, context, amid, alice, bob):
    await bob.post("/setProfile", wxname="鲍勃本人")
    await settle(context)
    packet = amid == "a claim of money"
    code = await (alice.paid_packet() if packet else alice.publish(forecast_num=1))
    await settle(context)
    await bob.win(code)
    about = {"OpenID": await openid(context, bob), "AppID": context.settings.appid}
    event = an_event(Event="user_authorization_revoke", RevokeInfo="19,2", **about)
    revoked = push_any(client, context, event)
    if amid == "a ban":
        whom = Whom(code, 1)
        await asyncio.gather(ban(context, Actor("值班员", shared=False), whom, 0, "骗子"), revoked)
        assert "banned" in await person_of(context, bob)
    else:
        claimed, _ = await asyncio.gather(bob.claim(code, **({} if packet else ADDRESS)), revoked)
        assert claimed["status"] == 0
        if packet:
            await client.confirm(claimed["package_info"])
        [prize] = await find(context, "prizes")
        assert (prize["state"], "address_box" in prize) == ("given", not packet)
    assert await naming(context, "鲍勃") == []


async def test_nothing_follows_for_who_is_being_erased_or_from_another_mini_program(client, context, bob):
    about = {"Event": EVENTS[2], "OpenID": await openid(context, bob)}
    answer = await push_any(client, context, an_event(**about, AppID="wxother"))
    assert answer.status_code == 403
    await context.store.people.lock_out(await person_of(context, bob))
    assert (await push_any(client, context, an_event(**about))).status_code == 200
    assert "leaving" not in await person_of(context, bob)
    assert await find(context, "audit_log") == []


async def openid(context: Context, someone: Someone) -> str:
    return (await person_of(context, someone))["openid"]


async def push_any(client: Client, context: Context, message: bytes) -> httpx.Response:
    """Push a message as WeChat does in the mode that is set."""
    key = context.settings.wechat_encoding_aes_key
    if key:
        return await push(client, context, seal(key, message, context.settings.appid))
    signature = MessagePush(PUSH_TOKEN, "", "").signature(STAMP, NONCE)
    asked = {"timestamp": STAMP, "nonce": NONCE, "signature": signature}
    return await client.http.post("/wxPush", params=asked, content=message)


class TestWithoutMessagePush:
    ENVIRONMENT: ClassVar = {}

    async def test_a_push_is_refused_and_everything_is_shown_at_once(self, client, context, alice, bob):
        sealed = seal(AES_KEY, an_event(), context.settings.appid)
        assert (await push(client, context, sealed)).status_code == 403
        code = await alice.publish()
        assert (await bob.get("/getTaskDetails", code=code))["review"] == "shown"
        assert (await alice.post("/setProfile", wxname="小红"))["review"] == "shown"
        assert await find(context, "reviews") == []
