"""Refunds of orders: `/v3/refund/domestic/refunds`."""

import secrets
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from devtools.sandbox.base import now_ms
from devtools.sandbox.notices import tell
from devtools.sandbox.orders import Fen, NotifyUrl, find_order
from devtools.sandbox.pay_call import PayCall, PayFailure
from devtools.sandbox.signing import beijing_time
from devtools.sandbox.store.merchant import SANDBOX_MCHID
from devtools.sandbox.store.pay import REFUNDS_AN_ORDER, SandboxOrder, SandboxRefund
from server.context import Context

# https://pay.weixin.qq.com/doc/v3/merchant/4012556457
APART_MS = 60_000


class RefundAmount(msgspec.Struct):
    """How much to refund, and the total of the order."""

    refund: Fen
    total: Fen
    currency: Literal["CNY"]


class RefundRequest(msgspec.Struct):
    """What `POST /v3/refund/domestic/refunds` takes, as far as this merchant uses it."""

    out_trade_no: str
    out_refund_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_|*@-]{1,64}\Z")]
    amount: RefundAmount
    reason: Annotated[str, Meta(max_length=80)] = ""
    notify_url: NotifyUrl | None = None


class MakeRefund(PayCall):
    """POST /v3/refund/domestic/refunds."""

    call = "refund"

    async def post(self) -> None:
        """Answer the refund. The first answer says PROCESSING, even if the refund has ended already."""
        await self.serve()

    def body_number(self) -> str:
        """Return the out_refund_no."""
        return self.read(RefundRequest).out_refund_no

    async def act(self, number: str) -> dict[str, object]:
        """Take the refund from what is left of the order, and send the notice of its end."""
        asked = self.read(RefundRequest)
        known = await self.pay.find_refund(asked.out_refund_no)
        if known is None:
            known = await self._add(asked)
            answer = describe_refund(*known) | {"status": "PROCESSING"}
            answer.pop("success_time", None)
            await tell_refund(self.context, *known)
            return answer
        order, refund = known
        if (order["_id"], refund["amount_fen"], order["total_fen"]) != (
            asked.out_trade_no,
            asked.amount.refund,
            asked.amount.total,
        ):
            raise PayFailure("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        return describe_refund(order, refund)

    async def _add(self, asked: RefundRequest) -> tuple[SandboxOrder, SandboxRefund]:
        now = now_ms()
        order = await self.pay.find_order(asked.out_trade_no)
        if order is None:
            raise PayFailure("RESOURCE_NOT_EXISTS", "订单不存在")
        if asked.amount.total != order["total_fen"]:
            raise PayFailure("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        status = "SUCCESS"
        for what, instead in (("pending", "PROCESSING"), ("abnormal", "ABNORMAL"), ("closed", "CLOSED")):
            status = instead if self.told(what) else status
        refund: SandboxRefund = {
            "out_refund_no": asked.out_refund_no,
            "refund_id": f"50300{now}{secrets.randbelow(10**10):010d}",
            "amount_fen": asked.amount.refund,
            "reason": asked.reason,
            "status": status,
            "notify_url": asked.notify_url or "",
            "created_at_ms": now,
        }
        taken_fen = 0 if status == "CLOSED" else asked.amount.refund
        if not await self.pay.add_refund(asked.out_trade_no, refund, taken_fen, now - APART_MS):
            raise await self._why_not(asked, now)
        return order, refund

    async def _why_not(self, asked: RefundRequest, now: int) -> PayFailure:
        order = await find_order(self, asked.out_trade_no)
        if order["trade_state"] not in ("SUCCESS", "REFUND"):
            return PayFailure("INVALID_REQUEST", "订单未支付，不能退款")
        if len(order["refunds"]) >= REFUNDS_AN_ORDER:
            return PayFailure("INVALID_REQUEST", "订单退款次数超过限制")
        if order["refundable_fen"] < asked.amount.refund:
            return PayFailure("INVALID_REQUEST", "申请退款金额大于订单可退金额，请核实后再试")
        if order.get("refunded_at_ms", 0) > now - APART_MS:
            return PayFailure("FREQUENCY_LIMITED", "同一笔订单多次退款的请求需相隔1分钟")
        return PayFailure("SYSTEM_ERROR")  # another request for the same refund came at the same time


class QueryRefund(PayCall):
    """GET /v3/refund/domestic/refunds/{}."""

    call = "query_refund"

    async def get(self, out_refund_no: str) -> None:
        """Answer the refund."""
        await self.serve(out_refund_no)

    async def act(self, number: str) -> dict[str, object]:
        """Return the refund. Raises PayFailure RESOURCE_NOT_EXISTS."""
        known = await self.pay.find_refund(number)
        if known is None:
            raise PayFailure("RESOURCE_NOT_EXISTS")
        return describe_refund(*known)


def describe_refund(order: SandboxOrder, refund: SandboxRefund) -> dict[str, object]:
    """Return a refund as the interfaces answer it."""
    said: dict[str, object] = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["_id"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": beijing_time(refund["created_at_ms"]),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order["total_fen"],
            "refund": refund["amount_fen"],
            "payer_total": order["total_fen"],
            "payer_refund": refund["amount_fen"],
            "settlement_total": order["total_fen"],
            "settlement_refund": refund["amount_fen"],
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if refund["status"] == "SUCCESS":
        said["success_time"] = beijing_time(refund["created_at_ms"])
    return said


async def tell_refund(context: Context, order: SandboxOrder, refund: SandboxRefund) -> None:
    """Send the notice of a refund, unless it is still PROCESSING."""
    if refund["status"] == "PROCESSING":
        return
    resource: dict[str, object] = {
        "mchid": SANDBOX_MCHID,
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["_id"],
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_status": refund["status"],
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": order["total_fen"],
            "refund": refund["amount_fen"],
            "payer_total": order["total_fen"],
            "payer_refund": refund["amount_fen"],
        },
    }
    if refund["status"] == "SUCCESS":
        resource["success_time"] = beijing_time(now_ms())
    await tell(context, f"REFUND.{refund['status']}", refund["out_refund_no"], refund["notify_url"], resource)
