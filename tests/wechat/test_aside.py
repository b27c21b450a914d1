"""Calls to WeChat for which nobody waits take no connection from calls for which somebody waits."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from server.wechat import WeChat

# The connections of an httpx pool; a further request has to wait.
CONNECTIONS = 100
ANSWERS = {
    "/sns/jscode2session": {"openid": "oAlice", "session_key": "a-session-key"},
    "/cgi-bin/stable_token": {"access_token": "t", "expires_in": 7200},
}


class Late(RequestHandler):
    """Answers the calls for which nobody waits only when it is allowed to."""

    def initialize(self, asked: asyncio.Semaphore, may_answer: asyncio.Event) -> None:
        self.asked, self.may_answer = asked, may_answer

    async def get(self, path: str) -> None:
        if path in ANSWERS:
            self.finish(ANSWERS[path])
            return
        self.asked.release()
        await self.may_answer.wait()
        self.finish({"errcode": 0, "risk_rank": 0, "result": {"suggest": "pass"}, "trace_id": "t"})

    post = get


async def test_a_login_waits_for_no_query_that_is_sent_aside(context):
    waits: dict[str, Any] = {"asked": asyncio.Semaphore(0), "may_answer": asyncio.Event()}
    sock, port = bind_unused_port()
    server = HTTPServer(Application([(r"(/.*)", Late, waits)], log_function=lambda handler: None))
    server.add_sockets([sock])
    base = f"http://127.0.0.1:{port}"
    wechat = WeChat("wx1", "secret", base, context.store.leases, call_seconds=30.0)
    queries = [
        lambda: wechat.risk_rank("oAlice", "127.0.0.1"),
        lambda: wechat.check_text("oAlice", 3, "猫"),
        lambda: wechat.check_picture("oAlice", 3, "https://a/b.jpg"),
    ]
    waiting = [asyncio.ensure_future(queries[number % 3]()) for number in range(CONNECTIONS)]
    try:
        for _ in waiting:
            await asyncio.wait_for(waits["asked"].acquire(), 10)
        session = await asyncio.wait_for(wechat.code_to_session("a-code"), 5)
        assert session.openid == "oAlice"
    finally:
        waits["may_answer"].set()
        await asyncio.gather(*waiting)
        await wechat.aclose()
        server.stop()
        await server.close_all_connections()
