"""What WeChat Pay says of orders, refunds and transfer bills, and how calls fail. Pure.

Answers are read straight from the JSON of replies and notices. Amounts are in fen. If an answer has another
shape, or a state that this server does not know, the outcome must be treated as unknown.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from server.decoding import decode
from server.errors import WeChatSilent

Fen = Annotated[int, Meta(ge=0)]
# WeChat names no other currency, and may leave this one out.
CURRENCY = "CNY"
_NOT_FOUND = frozenset({"NOT_FOUND", "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
# https://pay.weixin.qq.com/doc/v3/merchant/4012791859
TradeState: TypeAlias = Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
# https://pay.weixin.qq.com/doc/v3/merchant/4012791863
RefundStatus: TypeAlias = Literal["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]
# https://pay.weixin.qq.com/doc/v3/merchant/4012716437
TransferState: TypeAlias = Literal[
    "ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM", "TRANSFERING", "SUCCESS", "FAIL", "CANCELING", "CANCELLED"
]


class PaymentParameters(msgspec.Struct, frozen=True, rename="camel"):
    """The five values that `wx.requestPayment` takes; encoded, they have the names of its parameters."""

    package: str
    time_stamp: str
    nonce_str: str
    sign_type: str
    pay_sign: str


class OrderAmount(msgspec.Struct, frozen=True):
    """What an order costs, and how much of that the person paid, once it is paid."""

    total: Fen
    currency: str = CURRENCY
    payer_total: Fen | None = None


class Promotion(msgspec.Struct, frozen=True):
    """A coupon with which a part of an order was paid: its fen, and how many of these the merchant bears.

    https://pay.weixin.qq.com/doc/v3/merchant/4012791859
    """

    coupon_id: str = ""
    amount: Fen = 0
    merchant_contribute: Fen = 0


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of an order. REFUND means: paid, then at least partly refunded.

    WeChat may leave amount and transaction_id out only before the order is paid. `bank_type` is the kind of
    account that paid it, such as OTHERS (not a card), CMB_DEBIT or CMB_CREDIT; None if WeChat does not say.
    Its values: https://pay.weixin.qq.com/doc/v2/merchant/4011941162
    """

    appid: str
    mchid: str
    out_trade_no: str
    trade_state: TradeState
    amount: OrderAmount | None = None
    transaction_id: str | None = None
    bank_type: str | None = None
    promotion_detail: list[Promotion] | None = None

    @property
    def amount_fen(self) -> int | None:
        """What the order costs, None if WeChat does not say."""
        return self.amount.total if self.amount is not None else None

    @property
    def paid(self) -> bool:
        """Whether the money came in, even if it was refunded later."""
        return self.trade_state in ("SUCCESS", "REFUND")


class RefundAmount(msgspec.Struct, frozen=True):
    """How much of an order's `total` is refunded."""

    refund: Fen
    total: Fen
    currency: str = CURRENCY


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of a refund.

    PROCESSING is open; SUCCESS and CLOSED are final; ABNORMAL waits for the operator. Only notices name the
    merchant.
    """

    out_refund_no: str
    out_trade_no: str
    status: RefundStatus
    amount: RefundAmount
    mchid: str | None = None


class BillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What WeChat says of a bill. SUCCESS, FAIL and CANCELLED are final.

    `package_info` is for `wx.requestMerchantTransfer`; only the reply to `transfer` carries it, while the
    state is WAIT_USER_CONFIRM. `amount_fen` and `openid` are None in the replies to `transfer` and
    `cancel_transfer`. `create_time` is when WeChat made the bill.
    `fail_reason` is WeChat's code, such as OVERDUE_CLOSE or ACCOUNT_FROZEN. WeChat names the merchant in
    `mchid`, in `mch_id`, or not at all.
    """

    out_bill_no: str
    state: TransferState
    package_info: str | None = None
    fail_reason: str | None = None
    amount_fen: Fen | None = msgspec.field(name="transfer_amount", default=None)
    openid: str | None = None
    create_time: datetime | None = None
    appid: str | None = None
    mchid: str | None = None
    mch_id: str | None = None

    @property
    def final(self) -> bool:
        """Whether nothing can change any more."""
        return self.state in ("SUCCESS", "FAIL", "CANCELLED")

    @property
    def made_at(self) -> int:
        """When WeChat made the bill (unix ms), 0 if WeChat does not say."""
        return int(self.create_time.timestamp() * 1000) if self.create_time is not None else 0

    def fits(self, amount_fen: int, body: bytes) -> bool:
        """Whether WeChat may say this of a transfer of this amount with this body; b"" if it was deleted."""
        openid = decode(body, dict[str, Any])["openid"] if body else self.openid
        return self.amount_fen in (None, amount_fen) and self.openid in (None, openid)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A genuine notice, decrypted. The same notice, with the same `id`, may come again, even late."""

    id: str
    event_type: str
    resource: OrderAnswer | RefundAnswer | BillAnswer


class PayRefused(Exception):
    """WeChat said no, and did nothing. `code` is WeChat's: NOT_ENOUGH, ORDERPAID, NOT_FOUND, PARAM_ERROR, …

    An earlier call under the same number may still have succeeded: a refusal is never a reason to take a new
    number.
    """

    def __init__(self, code: str, message: str, http_status: int = 0) -> None:
        self.code = code
        self.message = message
        self.http_status = http_status
        super().__init__(f"{code}: {message}")

    @property
    def not_found(self) -> bool:
        """Whether WeChat knows no order, refund or bill of that number."""
        return self.code in _NOT_FOUND


class PayUnknown(WeChatSilent):
    """What we asked for may or may not have happened: ask WeChat, or repeat under the same number."""


class Contradiction(Exception):
    """What WeChat says, or what we find, contradicts our own records or what we asked."""


class ForgedNotice(Exception):
    """The notice is not from WeChat, not for us, or too old. It must change nothing; the answer is 401."""
