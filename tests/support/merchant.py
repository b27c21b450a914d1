"""The merchant's side in tests of WeChat Pay: a client, and the address to which its notices come."""

import asyncio
import secrets
import time
from typing import Any

import httpx
import msgspec
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from devtools.sandbox.login import wechat_id
from server.cash.pay.answers import Notice, PaymentParameters
from server.cash.pay.client import Pay
from server.context import Context
from support.cash import cash_of

OPENID = wechat_id("openid", "小红")


class Desk:
    """Takes every POST. Answers with the next status in `answers`, or with 204 if no status is left."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[tuple[str, HTTPHeaders, bytes]] = asyncio.Queue()
        self.answers: list[int] = []

        class Take(RequestHandler):
            def post(handler) -> None:  # noqa: N805
                handler.set_status(self.answers.pop(0) if self.answers else 204)
                request = handler.request
                self.taken.put_nowait((request.path, request.headers, request.body))

        sock, port = bind_unused_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = HTTPServer(Application([(r".*", Take)], log_function=lambda _: None))
        self.server.add_sockets([sock])

    async def close(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


class Shop:
    """A merchant with a desk, and the person who pays and is paid."""

    def __init__(self, context: Context, http: httpx.AsyncClient) -> None:
        self.context = context
        self.http = http
        self.desk = Desk()
        self.pay = self.client()

    def client(self, base_url: str | None = None, call_seconds: float = 6.0) -> Pay:
        settings = self.context.settings
        return Pay(
            cash_of(self.context).pay.merchant,
            settings.appid,
            base_url or settings.wechat_pay_api,
            self.desk.url,
            self.context.clock.now_ms,
            call_seconds,
        )

    async def close(self) -> None:
        await self.pay.aclose()
        await self.context.background.finish()
        await self.desk.close()

    async def misbehave(self, what: str, **wish: Any) -> None:
        answer = await self.http.post("/sandbox/misbehave", json={"what": what, **wish})
        assert answer.json() == {"errMsg": "misbehave:ok"}, answer.text

    async def request_payment(self, parameters: PaymentParameters) -> str:
        """Play `wx.requestPayment`; return its errMsg."""
        values = {"appId": self.context.settings.appid, **msgspec.to_builtins(parameters)}
        return str((await self.http.post("/sandbox/pay", json=values)).json()["errMsg"])

    async def order(self, amount_fen: int = 300) -> tuple[str, str]:
        """Return an out_trade_no and its prepay_id."""
        number = a_number()
        expires_at_ms = int(time.time() * 1000) + 7_200_000
        return number, await self.pay.create_order(number, "挖宝红包", amount_fen, OPENID, expires_at_ms)

    async def paid(self, amount_fen: int = 300) -> str:
        """Pay an order and take its notice; return the order's number."""
        number, prepay_id = await self.order(amount_fen)
        assert await self.request_payment(self.pay.payment_parameters(prepay_id)) == "requestPayment:ok"
        await self.notice()
        return number

    def body(self, number: str | None = None, amount_fen: int = 200) -> bytes:
        return self.pay.transfer_body(number or a_number(), OPENID, amount_fen, "挖宝", "挖到宝贝", "恭喜")

    async def taken(self) -> tuple[str, HTTPHeaders, bytes]:
        """Wait for the next POST to the desk."""
        async with asyncio.timeout(5):
            return await self.desk.taken.get()

    async def notice(self) -> Notice:
        """Wait for the next notice, which must be genuine."""
        _, headers, body = await self.taken()
        return self.pay.read_notice(headers, body)


def a_number() -> str:
    return secrets.token_hex(12)
