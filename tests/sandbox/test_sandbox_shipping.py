"""The sandbox's 发货信息管理: its refusals have WeChat's documented codes."""

from __future__ import annotations

from typing import Any

from server.wechat.shipping import shipping_info
from support.merchant import OPENID, Shop
from support.purse import let_list

NOW_MS = 1_790_000_000_000
PATH = "/sandbox/wxa/sec/order"


async def told(shop: Shop, body: Any, call: str = "upload_shipping_info") -> tuple[int, dict[str, Any]]:
    """Return a call's error code, and the whole answer."""
    token = await shop.context.wechat.access_token()
    answer = (await shop.http.post(f"{PATH}/{call}", params={"access_token": token}, json=body)).json()
    return answer["errcode"], answer


async def paid_body(shop: Shop) -> dict[str, Any]:
    """Return the body that reports the delivery of an order that was just paid."""
    number = await shop.paid()
    await let_list(shop.context)
    order = await shop.context.sandbox.pay.find_order(number)
    return shipping_info(order["transaction_id"], OPENID, NOW_MS)


async def test_a_delivery_is_noted_once_and_corrected_once(shop):
    body = await paid_body(shop)
    other, third = ({**body, "shipping_list": [{"item_desc": text}]} for text in ("猫", "狗"))
    assert [(await told(shop, each))[0] for each in (body, body, other, third)] == [0, 10060023, 0, 10060003]


async def test_a_wrong_report_is_refused_and_notes_nothing(shop):
    for changes, errcode in [
        ({"order_key": {"order_number_type": 3}}, 268485194),
        ({"order_key": {"order_number_type": 2}}, 268485195),
        ({"order_key": {"order_number_type": 1, "out_trade_no": "A1"}}, 268485196),
        ({"order_key": {"order_number_type": 1, "mchid": "1900000001"}}, 268485197),
        ({"order_key": {"order_number_type": 1, "mchid": "1900000001", "out_trade_no": "A1"}}, 10060001),
        ({"order_key": {"order_number_type": 2, "transaction_id": "4200"}}, 10060001),
        ({"payer": {"openid": "oSomebodyElse"}}, 10060031),
        ({"payer": {}}, 10060014),
        ({"logistics_type": 5}, 10060005),
        ({"logistics_type": 1}, 268485226),
        ({"delivery_mode": 3}, 268485224),
        ({"delivery_mode": 2}, 10060006),
        ({"delivery_mode": 2, "logistics_type": 1}, 10060007),
        ({"shipping_list": []}, 268485228),
        ({"shipping_list": [{"item_desc": ""}]}, 10060008),
        ({"shipping_list": [{"item_desc": "猫" * 121}]}, 10060009),
        ({"upload_time": "2022-12-15 13:29:35"}, 268485216),
        ({"upload_time": 1_671_082_175}, 47001),
    ]:
        body = await paid_body(shop)
        assert (await told(shop, {**body, **changes}))[0] == errcode
        assert (await told(shop, body))[0] == 0


async def test_what_is_unpaid_or_just_paid_or_went_back_cannot_be_delivered(shop):
    for number in ((await shop.order())[0], await shop.paid()):
        order = await shop.context.sandbox.pay.find_order(number)
        assert (await told(shop, shipping_info(order["transaction_id"], OPENID, NOW_MS)))[0] == 10060001
    await let_list(shop.context)
    await shop.pay.refund(f"{number}R", number, 300, 300, "没有人挖到")
    order = await shop.context.sandbox.pay.find_order(number)
    assert (await told(shop, shipping_info(order["transaction_id"], OPENID, NOW_MS)))[0] == 10060004


async def test_whether_it_is_managed_is_told_of_the_own_mini_program(shop):
    appid = shop.context.settings.appid
    code, answer = await told(shop, {"appid": appid}, "is_trade_managed")
    assert (code, answer["is_trade_managed"]) == (0, True)
    assert (await told(shop, {"appid": "wx0123456789abcdef"}, "is_trade_managed"))[0] == 40013
    assert (await told(shop, {}, "is_trade_managed"))[0] == 40097
