"""WeChat Pay v3 as this server uses it: orders paid by people, refunds, transfers to people, notices.

It does not know which orders or bills exist, nor what follows from an answer. The same code talks to WeChat
and to its sandbox; only the base URL and the keys differ.
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

__all__ = [
    "BillAnswer",
    "Contradiction",
    "ForgedNotice",
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
]
