"""发货信息管理: the report that a paid order was delivered, and what refusals of the report mean. Pure.

https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_uploadshippinginfo
"""


from server.game.amounts import beijing

# The delivery was reported before, by us or by hand in the console.
REPORTED = frozenset({10060002, 10060003, 10060023})
# WeChat is busy, or its list does not have this payment yet, as in the first minute or so after paying:
# https://developers.weixin.qq.com/community/develop/doc/00022457990e5069d6712332766c00
NOT_NOW = frozenset({10060001, 10060012, 10060019, 44990})
# The payment is in no state to be delivered: it was refunded, for example, or WeChat completed it by itself.
UNSHIPPABLE = 10060004
# The states of an order that is complete, or whose money is about to be settled, as others were told:
# https://developers.weixin.qq.com/community/develop/doc/00068aeca783d89d47e23d70866c00
COMPLETE = frozenset({4, 6})
# This mini-program may use none of these interfaces: its 发货信息管理 is not open, as others found out.
# https://developers.weixin.qq.com/community/develop/doc/000e8c76e60048b567f0f9cc96b400
UNAUTHORIZED = 48001
# The payer reads this text in WeChat. It names nothing that people wrote, which WeChat could dislike.
ITEM = "挖宝红包"

_BY_TRANSACTION_ID = 2
_AT_ONCE = 1
# `logistics_type`, by PAY_ORDER_KIND: 同城配送, 虚拟商品, 用户自提.
_KINDS = {"city": 2, "virtual": 3, "pickup": 4}


def shipping_info(transaction_id: str, openid: str, kind: str, now_ms: int) -> dict[str, object]:
    """Return the report that this person's payment, of a PAY_ORDER_KIND, was delivered whole and at once."""
    return {
        "order_key": {"order_number_type": _BY_TRANSACTION_ID, "transaction_id": transaction_id},
        "logistics_type": _KINDS[kind],
        "delivery_mode": _AT_ONCE,
        "shipping_list": [{"item_desc": ITEM}],
        "upload_time": beijing(now_ms).isoformat(timespec="milliseconds"),
        "payer": {"openid": openid},
    }
