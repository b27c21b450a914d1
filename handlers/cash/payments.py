"""Paying for a red packet, and the notices of WeChat Pay."""

from typing import Annotated, Any

import msgspec
from tornado.log import app_log

from handlers.base import Interface, Receiver, Reply, of_document
from handlers.parameters import Code, Unionid
from server.cash.actions.notices import take_notice
from server.cash.actions.pay_in import order_payment
from server.cash.context import CashContext
from server.cash.pay.answers import ForgedNotice
from server.decoding import named


class PayTaskRequest(msgspec.Struct):
    """`money` is the amount of one prize or of all together, in whole yuan."""

    unionid: Unionid
    code: Code
    money: Annotated[int, named("支付金额", "应付的元数，1 以上的整数", ge=1, le=1_000_000_000)]


class PayTaskReply(Reply, kw_only=True):
    """What `wx.requestPayment` takes."""

    package: str
    timeStamp: str  # noqa: N815
    nonceStr: str  # noqa: N815
    signType: str  # noqa: N815
    paySign: str  # noqa: N815


class PayTask(Interface, path="/payTask", method="POST", locks=True):
    """Order the payment of your red packet. Asking again gives the same order."""

    context: CashContext

    async def answer(self, request: PayTaskRequest) -> PayTaskReply:
        """Raises Banned, for paying opens a task, and what `order_payment` raises."""
        publisher = await self.active_person()
        parameters = await order_payment(self.context, publisher, request.code, request.money)
        return of_document(PayTaskReply, msgspec.to_builtins(parameters))


class Notified(Receiver):
    """WeChat Pay's notices. The answer has no body: 200 taken, 401 forged, 500 please send again."""

    context: CashContext

    async def serve(self) -> None:
        """Take a notice. What follows from it does not delay the answer."""
        if self.request.method != "POST":
            self.set_status(405)
            return
        try:
            await take_notice(self.context, self.request.headers, self.request.body)
        except ForgedNotice as forged:
            app_log.warning("trace_id=%s a notice was refused: %s", self.trace_id, forged)
            self.set_status(401)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer only a status code, as WeChat asks."""
        self.set_status(401 if status_code == 401 else 500)
        self.finish()
