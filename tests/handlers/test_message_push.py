"""`/wxPush`: WeChat checks the server's address and pushes events; requests of others change nothing."""

import base64
from typing import Any, ClassVar

import httpx
import msgspec
from Crypto.Cipher import AES

from devtools.sandbox.message_push import seal
from server.actions.reviews.review import settle_reviews
from server.context import Context
from server.wechat.message_push import MessagePush
from support.client import Client
from support.purse import find
from support.reviews import AES_KEY, CHECKED, PUSH_TOKEN

OTHER_KEY = AES_KEY[::-1]
NONCE, STAMP = "415670741", "1714112445"


ENVIRONMENT = CHECKED


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
    bad = {
        "a wrong signature": await push(client, context, good, signed=good + "x"),
        "no signature": await push(client, context, good, msg_signature=""),
        "another nonce": await push(client, context, good, nonce="1"),
        "another appid": await push(client, context, seal(AES_KEY, an_event(), "wxother")),
        "no appid": await push(client, context, seal(AES_KEY, an_event(), "")),
        "another key": await push(client, context, seal(OTHER_KEY, an_event(), appid)),
        "cut off": await push(client, context, base64.b64encode(raw[:-32]).decode()),
        "cut off within a block": await push(client, context, base64.b64encode(raw[:-1]).decode()),
        "nothing": await push(client, context, ""),
        "no base64": await push(client, context, "你好"),
        "a wrong padding": await push(client, context, encrypt(b"r" * 64)),
        "a wrong length": await push(client, context, encrypt(huge + b"\x01" * (-len(huge) % 32 or 32))),
        "XML": await client.http.post("/wxPush", content=b"<xml><Encrypt>x</Encrypt></xml>"),
        "too many brackets": await client.http.post("/wxPush", content=b'{"x":' + b"[" * 10_000),
        "no body": await client.http.post("/wxPush"),
        "a plain event": await client.http.post("/wxPush", content=an_event()),
    }
    assert {name: (answer.status_code, answer.text) for name, answer in bad.items()} == dict.fromkeys(
        bad, (403, "")
    )
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
    for fields in [
        {"errcode": -1008},
        {"errcode": -1008, "result": {"suggest": "", "label": 0}},
        {"errcode": "-1010", "result": None},
        {"errcode": []},
        {"result": {"suggest": "later"}},
        {"result": "pass"},
    ]:
        (alice,) = await client.log_in_all("alice")
        await client.misbehave("lose_notice")
        code = await alice.publish()
        await settle_reviews(context)
        (review,) = await find(context, "reviews", code=code)
        event = an_event(trace_id=review["traces"][0], **fields)
        answer = await push(client, context, seal(AES_KEY, event, context.settings.appid))
        assert answer.status_code == 200
        await settle_reviews(context)
        (task,) = await find(context, "tasks", _id=code)
        assert task["review"] == "held"


class TestWithoutMessagePush:
    ENVIRONMENT: ClassVar = {}

    async def test_a_push_is_refused_and_everything_is_shown_at_once(self, client, context, alice, bob):
        sealed = seal(AES_KEY, an_event(), context.settings.appid)
        assert (await push(client, context, sealed)).status_code == 403
        code = await alice.publish()
        assert (await bob.get("/getTaskDetails", code=code))["review"] == "shown"
        assert (await alice.post("/setProfile", wxname="小红"))["review"] == "shown"
        assert await find(context, "reviews") == []
