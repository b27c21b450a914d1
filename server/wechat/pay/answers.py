"""What WeChat Pay says of orders, refunds and transfer bills, in replies and in notices. Pure.

Amounts are in fen. If an answer has another shape, or a state that this server does not know, the outcome
must be treated as unknown.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

# https://pay.weixin.qq.com/doc/v3/merchant/4012791859
TradeState: TypeAlias = Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
# https://pay.weixin.qq.com/doc/v3/merchant/4012791863
RefundStatus: TypeAlias = Literal["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]
# https://pay.weixin.qq.com/doc/v3/merchant/4012716437
TransferState: TypeAlias = Literal[
    "ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM", "TRANSFERING", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"
]


class PaymentParameters(msgspec.Struct, frozen=True, rename="camel"):
    """The five values that `wx.requestPayment` takes; encoded, they have its names."""

    package: str
    time_stamp: str
    nonce_str: str
    sign_type: str
    pay_sign: str


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of an order. REFUND means: paid, then at least partly refunded.

    `amount_fen`, `openid` (the payer's) and `transaction_id` are None if WeChat leaves them out. It does so
    only before the order is paid. `bank_type` is what paid it, such as OTHERS (not a card), CMB_DEBIT or
    CMB_CREDIT; None if WeChat does not say. Its values: https://pay.weixin.qq.com/doc/v2/merchant/4011941162
    """

    out_trade_no: str
    trade_state: TradeState
    amount_fen: int | None = None
    openid: str | None = None
    transaction_id: str | None = None
    success_time: str | None = None
    bank_type: str | None = None

    @property
    def paid(self) -> bool:
        """Whether the money came in, even if it was refunded later."""
        return self.trade_state in ("SUCCESS", "REFUND")


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of a refund.

    PROCESSING is open; SUCCESS and CLOSED are final; ABNORMAL waits for the operator.
    """

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    status: RefundStatus
    amount_fen: int
    total_fen: int


class BillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of a bill. SUCCESS, FAIL and CANCELLED are final.

    `package_info` is for `wx.requestMerchantTransfer`; only the reply to `transfer` carries it, while the
    state is WAIT_USER_CONFIRM. `amount_fen` is None in the replies to `transfer` and `cancel_transfer`.
    `fail_reason` is WeChat's code, such as OVERDUE_CLOSE or ACCOUNT_FROZEN.
    """

    out_bill_no: str
    transfer_bill_no: str
    state: TransferState
    package_info: str | None = None
    fail_reason: str | None = None
    amount_fen: int | None = None
    openid: str | None = None

    @property
    def final(self) -> bool:
        """Whether nothing can change any more."""
        return self.state in ("SUCCESS", "FAIL", "CANCELLED")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A genuine notice, decrypted. The same notice, with the same `id`, may come again, even late."""

    id: str
    event_type: str
    resource: OrderAnswer | RefundAnswer | BillAnswer
