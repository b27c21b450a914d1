"""The JSON that WeChat Pay writes, as far as this server reads it, and its translation into `answers`. Pure.

Nothing outside this package sees WeChat's names and nesting.
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
# The only currency. Amounts without a currency are in it.
CURRENCY = "CNY"


class Failure(msgspec.Struct):
    """The answer to a failed call."""

    code: str = ""
    message: str = ""


class Prepay(msgspec.Struct):
    """The answer to a new order."""

    prepay_id: Annotated[str, Meta(min_length=1)]


class _OrderAmount(msgspec.Struct):
    total: Fen
    currency: str = CURRENCY


class _Payer(msgspec.Struct):
    openid: str = ""


class WireOrder(msgspec.Struct):
    """An order, in a reply to a query or in a notice of its payment."""

    appid: str
    mchid: str
    out_trade_no: str
    trade_state: TradeState
    amount: _OrderAmount | None = None
    payer: _Payer | None = None
    transaction_id: str | None = None
    success_time: str | None = None
    bank_type: str | None = None

    def order(self) -> OrderAnswer:
        """Translate it. Empty texts become None."""
        return OrderAnswer(
            out_trade_no=self.out_trade_no,
            trade_state=self.trade_state,
            amount_fen=self.amount.total if self.amount else None,
            openid=(self.payer.openid or None) if self.payer else None,
            transaction_id=self.transaction_id or None,
            success_time=self.success_time or None,
            bank_type=self.bank_type or None,
        )


class _RefundAmount(msgspec.Struct):
    refund: Fen
    total: Fen
    currency: str = CURRENCY


class WireRefund(msgspec.Struct):
    """A refund, in a reply."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    status: RefundStatus
    amount: _RefundAmount

    def refund(self) -> RefundAnswer:
        """Translate it."""
        return RefundAnswer(
            out_refund_no=self.out_refund_no,
            out_trade_no=self.out_trade_no,
            refund_id=self.refund_id,
            status=self.status,
            amount_fen=self.amount.refund,
            total_fen=self.amount.total,
        )


class WireRefundNotice(WireRefund, kw_only=True, rename={"status": "refund_status"}):
    """A refund in a notice: the status has another name, and the merchant is named too."""

    status: RefundStatus  # renamed only where it is declared
    mchid: str


class WireBill(msgspec.Struct):
    """A transfer bill, in a reply or a notice. Each kind of reply has only some of these fields."""

    out_bill_no: str
    state: TransferState
    transfer_bill_no: str = ""
    package_info: str | None = None
    fail_reason: str | None = None
    transfer_amount: Fen | None = None
    openid: str | None = None
    appid: str | None = None
    # The merchant has one of these names, or is left out.
    mchid: str | None = None
    mch_id: str | None = None

    def bill(self) -> BillAnswer:
        """Translate it. Empty texts become None."""
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
    """A notice with `resource` decrypted by the library; its shape depends on `event_type`."""

    id: str
    event_type: str
    resource: dict[str, object]
