"""发货信息管理: the report that a paid order was delivered, and what refusals of the report mean. Pure.

https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_uploadshippinginfo
"""

from __future__ import annotations

from datetime import datetime

from server.game.amounts import BEIJING

# The delivery was reported before, by us or by hand in the console.
REPORTED = frozenset({10060002, 10060003, 10060023})
# WeChat is busy, or its list does not have this payment yet, as in the first minute or so after paying:
# https://developers.weixin.qq.com/community/develop/doc/00022457990e5069d6712332766c00
NOT_NOW = frozenset({10060001, 10060012, 10060019, 44990})
# The payment is in no state to be delivered: it was refunded, for example.
UNSHIPPABLE = 10060004
# This mini-program may use none of these interfaces: its 发货信息管理 is not open, as others found out.
# https://developers.weixin.qq.com/community/develop/doc/000e8c76e60048b567f0f9cc96b400
UNAUTHORIZED = 48001
# The payer reads this text in WeChat. It names nothing that people wrote, which WeChat could dislike.
ITEM = "挖宝红包"

_BY_TRANSACTION_ID, _VIRTUAL, _AT_ONCE = 2, 3, 1


def shipping_info(transaction_id: str, openid: str, now_ms: int) -> dict[str, object]:
    """Return the report that this person's payment was delivered: virtually, whole and at once."""
    return {
        "order_key": {"order_number_type": _BY_TRANSACTION_ID, "transaction_id": transaction_id},
        "logistics_type": _VIRTUAL,
        "delivery_mode": _AT_ONCE,
        "shipping_list": [{"item_desc": ITEM}],
        "upload_time": datetime.fromtimestamp(now_ms / 1000, BEIJING).isoformat(timespec="milliseconds"),
        "payer": {"openid": openid},
    }
