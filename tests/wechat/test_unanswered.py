"""Whether a failed call shows that WeChat acted or not: messages to people who left depend on this."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tornado.testing import bind_unused_port

from server.context import Context
from server.errors import WeChatBusy
from server.wechat import Unanswered, WeChat
from support.user_data import APPID

TOKEN = {"access_token": "the-token", "expires_in": 7200}
BUSY = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("no route"),
    httpx.PoolTimeout("all are taken"),
    httpx.Response(200, json={"errcode": -1, "errmsg": "system error"}),
    httpx.Response(200, json={"errcode": 45009, "errmsg": "reach max api daily quota limit"}),
]
SILENT = [
    httpx.ReadTimeout("nothing came"),
    httpx.RemoteProtocolError("closed"),
    httpx.ReadError("reset"),
    httpx.Response(502, text="Bad Gateway"),
    httpx.Response(200, text="<html>"),
    httpx.Response(200, text="{"),
    httpx.Response(200, json={}),
]


async def failure(context: Context, message: Any, token: Any = None) -> type[BaseException]:
    """Send a message to a WeChat with these answers; return the error that is raised."""

    def answer(request: httpx.Request) -> httpx.Response:
        told = message if request.url.path == "/cgi-bin/message/subscribe/send" else token
        if isinstance(told, Exception):
            raise told
        return told or httpx.Response(200, json=TOKEN)

    wechat = WeChat(APPID, "secret", "http://wechat.example", context.store.leases)
    for api in (wechat._api, wechat._patient):
        await api.aclose()
        api._http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://wechat.example")
    try:
        with pytest.raises(WeChatBusy) as raised:
            await wechat.send_message("oAlice", "template", {}, "", "formal")
    finally:
        await wechat.aclose()
    return raised.type


async def test_nobody_knows_of_a_message_that_got_no_answer(context):
    for answer in SILENT:
        assert await failure(context, answer) is Unanswered


async def test_a_message_that_wechat_did_not_get_or_was_too_busy_for_was_not_taken(context):
    for answer in BUSY:
        assert await failure(context, answer) is WeChatBusy


async def test_without_a_token_no_message_was_sent(context):
    for answer in [*BUSY, *SILENT]:
        assert await failure(context, httpx.ReadTimeout("not reached"), token=answer) is WeChatBusy


async def test_a_wechat_that_is_not_there_was_not_asked(context):
    sock, port = bind_unused_port()
    sock.close()
    wechat = WeChat(APPID, "secret", f"http://127.0.0.1:{port}", context.store.leases)
    try:
        with pytest.raises(WeChatBusy) as raised:
            await wechat._patient.call("POST", "/cgi-bin/message/subscribe/send", {})
    finally:
        await wechat.aclose()
    assert raised.type is WeChatBusy
