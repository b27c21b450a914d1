"""WeChat Pay v3 as this server uses it: orders paid by people, refunds, transfers to people, notices.

Which order or bill there is, and what follows from an answer, is none of this package's business. It talks
to WeChat and to its stand-in alike; only the base URL and the keys differ.
"""

from __future__ import annotations

from server.wechat.pay.answers import (
    BillAnswer,
    Notice,
    OrderAnswer,
    PaymentParameters,
    RefundAnswer,
    RefundStatus,
    TradeState,
    TransferState,
)
from server.wechat.pay.client import Pay
from server.wechat.pay.failures import Contradiction, ForgedNotice, PayRefused, PayUnknown
from server.wechat.pay.merchant import Merchant, merchant_of

__all__ = [
    "BillAnswer",
    "Contradiction",
    "ForgedNotice",
    "Merchant",
    "Notice",
    "OrderAnswer",
    "Pay",
    "PayRefused",
    "PayUnknown",
    "PaymentParameters",
    "RefundAnswer",
    "RefundStatus",
    "TradeState",
    "TransferState",
    "merchant_of",
]
