"""The JSON that WeChat Pay writes, as far as this server reads it, and what it comes to. Pure.

WeChat's names, nesting and omissions end here: nothing outside this package sees these structs.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from server.wechat.pay.answers import (
    BillAnswer,
    OrderAnswer,
    RefundAnswer,
    RefundStatus,
    TradeState,
    TransferState,
)

Fen = Annotated[int, Meta(ge=0)]
# Amounts are in fen of this; where an answer names none, no other is possible.
CURRENCY = "CNY"


class Failure(msgspec.Struct):
    """What a call that did not succeed answers."""

    code: str = ""
    message: str = ""


class Prepay(msgspec.Struct):
    """What ordering answers."""

    prepay_id: Annotated[str, Meta(min_length=1)]


class _OrderAmount(msgspec.Struct):
    total: Fen
    currency: str = CURRENCY


class _Payer(msgspec.Struct):
    openid: str = ""


class WireOrder(msgspec.Struct):
    """An order, queried or in a notice of its payment."""

    appid: str
    mchid: str
    out_trade_no: str
    trade_state: TradeState
    amount: _OrderAmount | None = None
    payer: _Payer | None = None
    transaction_id: str | None = None
    success_time: str | None = None

    def order(self) -> OrderAnswer:
        """Return it in our words."""
        return OrderAnswer(
            out_trade_no=self.out_trade_no,
            trade_state=self.trade_state,
            amount_fen=self.amount.total if self.amount else None,
            openid=(self.payer.openid or None) if self.payer else None,
            transaction_id=self.transaction_id or None,
            success_time=self.success_time or None,
        )


class _RefundAmount(msgspec.Struct):
    refund: Fen
    total: Fen
    currency: str = CURRENCY


class WireRefund(msgspec.Struct):
    """A refund, as it is answered."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    status: RefundStatus
    amount: _RefundAmount

    def refund(self) -> RefundAnswer:
        """Return it in our words."""
        return RefundAnswer(
            out_refund_no=self.out_refund_no,
            out_trade_no=self.out_trade_no,
            refund_id=self.refund_id,
            status=self.status,
            amount_fen=self.amount.refund,
            total_fen=self.amount.total,
        )


class WireRefundNotice(WireRefund, kw_only=True, rename={"status": "refund_status"}):
    """A refund in a notice, where the status has another name and the merchant is told."""

    status: RefundStatus  # renamed only where it is declared
    mchid: str


class WireBill(msgspec.Struct):
    """A transfer bill, made, queried, cancelled or in a notice; each says a part of this."""

    out_bill_no: str
    state: TransferState
    transfer_bill_no: str = ""
    package_info: str | None = None
    fail_reason: str | None = None
    transfer_amount: Fen | None = None
    openid: str | None = None
    appid: str | None = None
    # WeChat calls the merchant either, and in some answers neither.
    mchid: str | None = None
    mch_id: str | None = None

    def bill(self) -> BillAnswer:
        """Return it in our words."""
        return BillAnswer(
            out_bill_no=self.out_bill_no,
            transfer_bill_no=self.transfer_bill_no,
            state=self.state,
            package_info=self.package_info or None,
            fail_reason=self.fail_reason or None,
            amount_fen=self.transfer_amount,
            openid=self.openid or None,
        )


class WireNotice(msgspec.Struct):
    """A notice whose `resource` the library has decrypted; what that is depends on `event_type`."""

    id: str
    event_type: str
    resource: dict[str, object]
