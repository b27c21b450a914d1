"""Paying for a red packet, and what WeChat Pay tells this server of its own accord."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from tornado.log import app_log

from handlers.base import Interface, Receiver, Reply
from handlers.parameters import Code, Unionid
from server.actions.pay_in import follow_noted, note_payment, order_payment
from server.actions.pay_out import follow_bill, note_end
from server.actions.refund import note_refund
from server.wechat.pay import BillAnswer, ForgedNotice, OrderAnswer, RefundAnswer


class PayTaskRequest(msgspec.Struct):
    """`money` is what one prize pays, or all of them together, in whole yuan."""

    unionid: Unionid
    code: Code
    money: Annotated[int, Meta(ge=1, le=1_000_000_000, description="应付的金额（元），1 以上的整数")]


class PayTaskReply(Reply, kw_only=True):
    """What `wx.requestPayment` takes."""

    package: str
    timeStamp: str  # noqa: N815
    nonceStr: str  # noqa: N815
    signType: str  # noqa: N815
    paySign: str  # noqa: N815


class PayTask(Interface):
    """Order the payment of a red packet of one's own; asking again gives the same order."""

    path = "/payTask"
    method = "POST"
    takes = (PayTaskRequest,)
    gives = (PayTaskReply,)

    async def answer(self, request: PayTaskRequest) -> PayTaskReply:
        """Order it."""
        publisher = await self.person()
        parameters = await order_payment(self.context, publisher, request.code, request.money)
        return PayTaskReply(
            package=parameters.package,
            timeStamp=parameters.time_stamp,
            nonceStr=parameters.nonce_str,
            signType=parameters.sign_type,
            paySign=parameters.pay_sign,
        )


class Notified(Receiver):
    """WeChat Pay's notices. The answer has no body: 200 taken, 401 forged, 500 to be sent again."""

    async def serve(self, body: bytes) -> None:
        """Verify, open, and save WeChat's word before the reply; what follows from it need not be waited for.

        One that comes again changes nothing.
        """
        if self.request.method != "POST":
            self.set_status(405)
            return
        try:
            notice = self.context.pay.read_notice(self.request.headers, body)
        except ForgedNotice as forged:
            app_log.warning("trace_id=%s a notice was refused: %s", self.trace_id, forged)
            self.set_status(401)
            return
        match notice.resource:
            case OrderAnswer() as order:
                if order.paid and await note_payment(self.context, order):
                    self.context.noted_payments.append(order.out_trade_no)
                    self.context.background.spawn(follow_noted(self.context))
            case RefundAnswer() as refund:
                await note_refund(self.context, refund)
            case BillAnswer() as bill:
                if bill.final:
                    ended = await note_end(self.context, bill)
                    self.context.background.spawn(self._in_turn(follow_bill(self.context, ended)))

    async def _in_turn(self, work: Coroutine[Any, Any, None]) -> None:
        async with self.context.notices_lock:
            await work

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer as WeChat asks: nothing but the code."""
        self.set_status(401 if status_code == 401 else 500)
        self.finish()
