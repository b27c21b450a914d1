"""Orders: `/v3/pay/transactions`."""

import secrets
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devtools.sandbox.base import now_ms
from devtools.sandbox.pay_call import PayCall, PayFailure
from devtools.sandbox.signing import beijing_time
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from devtools.sandbox.store.pay import SandboxOrder
from server.settings import SANDBOX_APPID

# How long a prepay_id is valid if the order has no `time_expire`.
PREPAY_MS = 7_200_000

Fen = Annotated[int, Meta(ge=1, le=10_000_000_00)]
NotifyUrl = Annotated[str, Meta(max_length=255, pattern=r"\Ahttps?://[^?#\s]+\Z")]
Text = Annotated[str, Meta(min_length=1, max_length=127)]


class OrderAmount(msgspec.Struct):
    """What is to be paid."""

    total: Fen
    currency: Literal["CNY"] = "CNY"


class Payer(msgspec.Struct):
    """The person who pays."""

    openid: Annotated[str, Meta(min_length=1, max_length=128)]


class OrderRequest(msgspec.Struct):
    """What `POST /v3/pay/transactions/jsapi` takes, as far as this merchant uses it.

    `limit_pay` has no effect, since WeChat's page of this interface has no such field.
    """

    appid: str
    mchid: str
    description: Text
    out_trade_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_*-]{6,32}\Z")]
    notify_url: NotifyUrl
    amount: OrderAmount
    payer: Payer
    time_expire: str | None = None
    limit_pay: list[Literal["no_credit"]] | None = None


class CloseRequest(msgspec.Struct):
    """What closing an order takes."""

    mchid: str


class MakeOrder(PayCall):
    """POST /v3/pay/transactions/jsapi."""

    call = "order"

    async def post(self) -> None:
        """Answer a prepay_id. The same request again gives the same prepay_id."""
        await self.serve()

    def body_number(self) -> str:
        """Return the out_trade_no."""
        return self.read(OrderRequest).out_trade_no

    async def act(self, number: str) -> dict[str, object]:
        """Store the order, unless it exists."""
        asked = self.read(OrderRequest)
        if asked.appid != SANDBOX_APPID or asked.mchid != SANDBOX_MCHID:
            raise PayFailure("APPID_MCHID_NOT_MATCH")
        now = now_ms()
        expires_at_ms = now + PREPAY_MS if asked.time_expire is None else _unix_ms(asked.time_expire)
        body = msgspec.json.encode(asked).decode()
        kept = await self.pay.find_order(asked.out_trade_no)
        if kept is None:
            if expires_at_ms <= now:
                raise PayFailure("PARAM_ERROR", "订单失效时间不得早于当前时间")
            kept = await self.pay.add_order(
                {
                    "_id": asked.out_trade_no,
                    "asked": body,
                    "openid": asked.payer.openid,
                    "total_fen": asked.amount.total,
                    "notify_url": asked.notify_url,
                    "prepay_id": f"wx{now}{secrets.token_hex(10)}",
                    "transaction_id": f"42000{now}{secrets.randbelow(10**10):010d}",
                    "trade_state": "NOTPAY",
                    "expires_at_ms": expires_at_ms,
                    "paid_at_ms": 0,
                    "bank_type": "",
                    "coupon_fen": 0,
                    "refundable_fen": asked.amount.total,
                    "refunds": [],
                }
            )
        if kept["asked"] != body:
            raise PayFailure("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致，请核对后再试")
        _refuse_over(kept)
        return {"prepay_id": kept["prepay_id"]}


class QueryOrder(PayCall):
    """GET /v3/pay/transactions/out-trade-no/{}?mchid=…."""

    call = "query_order"

    async def get(self, out_trade_no: str) -> None:
        """Answer the order."""
        await self.serve(out_trade_no)

    async def act(self, number: str) -> dict[str, object]:
        """Return the order. Raises PayFailure ORDER_NOT_EXIST."""
        _check_mchid(self.get_query_argument("mchid", ""))
        return describe_order(await find_order(self, number))


class CloseOrder(PayCall):
    """POST /v3/pay/transactions/out-trade-no/{}/close."""

    call = "close"

    async def post(self, out_trade_no: str) -> None:
        """Answer 204 once the order is closed."""
        await self.serve(out_trade_no)

    async def act(self, number: str) -> None:
        """Close the order. Raises PayFailure ORDER_CLOSED, ORDERPAID, ORDER_NOT_EXIST."""
        _check_mchid(self.read(CloseRequest).mchid)
        _refuse_over(await find_order(self, number))
        if not await self.pay.close_order(number):
            _refuse_over(await find_order(self, number))


def describe_order(order: SandboxOrder) -> dict[str, object]:
    """Return an order as it stands in the answer to a query and in the notice of its payment."""
    said: dict[str, object] = {
        "appid": SANDBOX_APPID,
        "mchid": SANDBOX_MCHID,
        "out_trade_no": order["_id"],
        "trade_state": order["trade_state"],
        "trade_state_desc": {"NOTPAY": "订单未支付", "CLOSED": "订单已关闭"}.get(
            order["trade_state"], "支付成功"
        ),
        "amount": {"total": order["total_fen"], "currency": "CNY"},
    }
    if not order["paid_at_ms"]:
        return said
    coupon_fen = order["coupon_fen"]
    return said | {
        "transaction_id": order["transaction_id"],
        "trade_type": "JSAPI",
        **({"bank_type": order["bank_type"]} if order["bank_type"] else {}),
        "success_time": beijing_time(order["paid_at_ms"]),
        "payer": {"openid": order["openid"]},
        "amount": {
            "total": order["total_fen"],
            "payer_total": order["total_fen"] - coupon_fen,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
        **({"promotion_detail": [_coupon(order["_id"], coupon_fen)]} if coupon_fen else {}),
    }


def _coupon(number: str, fen: int) -> dict[str, object]:
    """Return a coupon for which the merchant bears the cost (免充值)."""
    return {
        "coupon_id": f"coupon-{number}",
        "name": "满减券",
        "scope": "GLOBAL",
        "type": "NOCASH",
        "amount": fen,
        "wechatpay_contribute": 0,
        "merchant_contribute": fen,
        "other_contribute": 0,
        "currency": "CNY",
    }


async def find_order(call: PayCall, out_trade_no: str) -> SandboxOrder:
    """Return the order that a call is about. Raises PayFailure ORDER_NOT_EXIST if there is none."""
    order = await call.pay.find_order(out_trade_no)
    if order is None:
        raise PayFailure("ORDER_NOT_EXIST")
    return order


def _refuse_over(order: SandboxOrder) -> None:
    if order["trade_state"] == "CLOSED":
        raise PayFailure("ORDER_CLOSED")
    if order["trade_state"] != "NOTPAY":
        raise PayFailure("ORDERPAID")


def _check_mchid(mchid: str) -> None:
    if mchid != SANDBOX_MCHID:
        raise PayFailure("PARAM_ERROR", "商户号mchid与签名的商户不一致")


def _unix_ms(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise PayFailure("PARAM_ERROR", "time_expire 不符合 rfc3339 格式") from None
    if when.tzinfo is None:
        raise PayFailure("PARAM_ERROR", "time_expire 缺少时区")
    return int(when.timestamp() * 1000)
