"""The sandbox's WeChat Pay: signatures, orders, refunds, transfers, reports of deliveries, and notices."""

import asyncio
import json
import time
from typing import Any

import pytest
from wechatpayv3.utils import load_public_key, rsa_sign, rsa_verify

from devtools.sandbox import send_notices
from devtools.sandbox.pay_call import FAILURES
from devtools.sandbox.store import SandboxStore
from server.cash.pay.answers import PayRefused, PayUnknown
from server.cash.pay.shipping import shipping_info
from support.merchant import OPENID, Shop
from support.merchant_calls import ORDERS, TRANSFERS, a_bill, an_order, call, private_key
from support.purse import let_list, let_refund

# -- signatures


async def test_a_request_that_the_merchant_did_not_sign_gets_401_and_does_nothing(shop):
    for changes in [
        {"signed": "{}"},
        {"signed_path": f"{ORDERS}/app"},
        {"signed_path": f"/sandbox{ORDERS}/jsapi"},
        {"signed_method": "GET"},
        {"mchid": "1900000002"},
        {"serial": "444F4864EA9B34415A2B7F4E0B1F2C3D4E5F6A7B"},
        {"key": "platform"},
        {"header": ""},
        {"header": "Bearer token"},
        {"header": 'WECHATPAY2-SHA256-RSA2048 mchid="1900000001"'},
    ]:
        if changes.get("key") == "platform":
            pairs = await shop.context.sandbox.keys.find()
            changes["key"] = pairs["platform_private_key"]
        answer = await call(shop, "POST", f"{ORDERS}/jsapi", an_order(), **changes)
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
        assert answer.json()["message"]
        assert await shop.context.sandbox.pay.orders.count_documents({}) == 0
    assert (await call(shop, "POST", f"{ORDERS}/jsapi", an_order())).status_code == 200


async def test_a_signature_is_good_for_five_minutes(shop):
    merchant = shop.context.pay.merchant
    for age_seconds, status in ((290, 200), (310, 401), (-310, 401)):
        order, stamp = an_order(), int(time.time()) - age_seconds
        text = f"POST\n{ORDERS}/jsapi\n{stamp}\nnonce\n{json.dumps(order)}\n"
        signature = rsa_sign(private_key(merchant.private_key), text)
        header = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{merchant.mchid}",nonce_str="nonce",signature="{signature}",'
            f'timestamp="{stamp}",serial_no="{merchant.cert_serial}"'
        )
        answer = await call(shop, "POST", f"{ORDERS}/jsapi", order, header=header)
        assert answer.status_code == status


async def test_every_answer_is_signed_and_refusals_too(shop):
    order = an_order()
    answers = [
        await call(shop, "POST", f"{ORDERS}/jsapi", order),
        await call(
            shop, "POST", f"{ORDERS}/out-trade-no/{order['out_trade_no']}/close", {"mchid": "1900000001"}
        ),
        await call(shop, "GET", f"{ORDERS}/out-trade-no/nothing?mchid=1900000001"),
        await call(shop, "POST", f"{ORDERS}/jsapi", an_order(), signed="{}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 204, 404, 401]
    key = load_public_key(shop.context.pay.merchant.public_key)
    for answer in answers:
        headers = answer.headers
        assert headers["Wechatpay-Serial"] == shop.context.pay.merchant.public_key_id
        assert rsa_verify(
            headers["Wechatpay-Timestamp"],
            headers["Wechatpay-Nonce"],
            answer.text,
            headers["Wechatpay-Signature"],
            key,
        )


async def test_processes_that_start_at_once_make_one_set_of_keys_and_a_restart_keeps_it(context):
    await context.sandbox.keys.collection.delete_many({})
    merchants = await asyncio.gather(*(SandboxStore(context.store.database).merchant() for _ in range(6)))
    merchants.append(await SandboxStore(context.store.database).merchant())
    assert len({merchant.private_key for merchant in merchants}) == 1
    assert len({merchant.public_key for merchant in merchants}) == 1
    assert len({merchant.api_v3_key for merchant in merchants}) == 1
    assert await context.sandbox.keys.collection.count_documents({}) == 1


# -- orders


async def test_an_order_that_wechat_would_refuse_is_refused(shop):
    for changes, code in [
        ({"appid": "wxanother"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1900000002"}, "APPID_MCHID_NOT_MATCH"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"amount": {"total": "100"}}, "PARAM_ERROR"),
        ({"amount": {"total": 1.5}}, "PARAM_ERROR"),
        ({"amount": {"total": 100, "currency": "USD"}}, "PARAM_ERROR"),
        ({"out_trade_no": "short"}, "PARAM_ERROR"),
        ({"out_trade_no": "n" * 33}, "PARAM_ERROR"),
        ({"out_trade_no": "红包红包红包"}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"payer": {}}, "PARAM_ERROR"),
        ({"notify_url": "https://wabao.invalid/?code=1"}, "PARAM_ERROR"),
        ({"notify_url": "wabao.invalid"}, "PARAM_ERROR"),
        ({"time_expire": "2018-06-08T10:34:56+08:00"}, "PARAM_ERROR"),
        ({"time_expire": "2999-06-08T10:34:56"}, "PARAM_ERROR"),
        ({"time_expire": "tomorrow"}, "PARAM_ERROR"),
    ]:
        answer = await call(shop, "POST", f"{ORDERS}/jsapi", an_order(**changes))
        assert (answer.status_code, answer.json()["code"]) == (FAILURES[code][0], code)
        assert await shop.context.sandbox.pay.orders.count_documents({}) == 0


async def test_orders_under_one_number_at_the_same_time_are_one_order(shop):
    order = an_order()
    answers = await asyncio.gather(*(call(shop, "POST", f"{ORDERS}/jsapi", order) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["prepay_id"] for answer in answers}) == 1


async def test_an_expired_order_cannot_be_paid_and_is_closed_by_a_call_alone(shop):
    number, prepay_id = await shop.order()
    await shop.misbehave("expire", number=number)
    assert (await shop.pay.query_order(number)).trade_state == "NOTPAY"
    assert "fail" in await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    await shop.pay.close_order(number)
    assert (await shop.pay.query_order(number)).trade_state == "CLOSED"
    with pytest.raises(PayRefused, match="ORDER_CLOSED"):
        await call_again(shop, number)


async def call_again(shop: Shop, number: str) -> None:
    """Send an order's request again. The answer must be a refusal, which is raised as PayRefused."""
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    answer = await call(shop, "POST", f"{ORDERS}/jsapi", json.loads(kept["asked"]))
    raise PayRefused(answer.json()["code"], answer.json()["message"])


async def test_a_paid_order_cannot_be_ordered_again(shop):
    with pytest.raises(PayRefused, match="ORDERPAID"):
        await call_again(shop, await shop.paid())


# -- paying


async def test_parameters_that_the_merchant_did_not_sign_are_not_paid(shop):
    for changes in [
        {"paySign": "AAAA"},
        {"paySign": "not base64!"},
        {"nonceStr": "another"},
        {"timeStamp": "1"},
        {"package": "prepay_id=another"},
        {"appId": "wxanother"},
        {"signType": "MD5"},
        {"paySign": None},
        {"decline": 1},
    ]:
        number, prepay_id = await shop.order()
        parameters = shop.pay.payment_parameters(prepay_id)
        assert (await shop.request_payment(parameters, **changes)).startswith("requestPayment:fail")
        assert (await shop.pay.query_order(number)).trade_state == "NOTPAY"
        assert await shop.request_payment(parameters) == "requestPayment:ok"


async def test_payments_at_the_same_time_pay_an_order_once(shop):
    number, prepay_id = await shop.order()
    parameters = shop.pay.payment_parameters(prepay_id)
    answers = await asyncio.gather(*(shop.request_payment(parameters) for _ in range(8)))
    assert answers.count("requestPayment:ok") == 1
    assert (await shop.notice()).resource.out_trade_no == number
    await shop.context.background.finish()
    assert shop.desk.taken.empty()


# -- refunds


async def test_no_more_is_refunded_than_was_paid(shop):
    number = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RA", number, 101, 100, "退款")
    await shop.pay.refund("RB", number, 60, 100, "退款")
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RC", number, 41, 100, "退款")
    with pytest.raises(PayUnknown, match="相隔1分钟"):
        await shop.pay.refund("RD", number, 40, 100, "退款")
    await let_refund(shop.context)
    await shop.pay.refund("RD", number, 40, 100, "退款")


async def test_refunds_at_the_same_time_never_exceed_the_payment(shop):
    number = await shop.paid(amount_fen=100)
    made = await asyncio.gather(
        *(shop.pay.refund(f"RE{place}", number, 30, 100, "退款") for place in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PayUnknown) for one in made) == 9  # refunds must be a minute apart
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    assert (kept["refundable_fen"], len(kept["refunds"])) == (70, 1)


async def test_a_repeated_refund_is_the_same_and_another_amount_is_refused(shop):
    number = await shop.paid(amount_fen=100)
    refunds = [await shop.pay.refund("RF", number, 30, 100, "退款") for _ in range(3)]
    assert [refund.status for refund in refunds] == ["PROCESSING", "SUCCESS", "SUCCESS"]
    assert refunds[1] == refunds[2]
    for amount_fen, total_fen in ((31, 100), (30, 99)):
        with pytest.raises(PayRefused, match="不一致"):
            await shop.pay.refund("RF", number, amount_fen, total_fen, "退款")
    other = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="不一致"):
        await shop.pay.refund("RF", other, 30, 100, "退款")


async def test_an_unpaid_order_or_one_of_another_sum_is_not_refunded(shop):
    number, _ = await shop.order(amount_fen=100)
    with pytest.raises(PayRefused, match="未支付"):
        await shop.pay.refund("RG", number, 100, 100, "退款")
    with pytest.raises(PayRefused, match="不一致"):
        await shop.pay.refund("RG", await shop.paid(amount_fen=100), 50, 200, "退款")
    with pytest.raises(PayRefused) as refused:
        await shop.pay.refund("RG", "nothing", 100, 100, "退款")
    assert refused.value.not_found


async def test_a_refund_may_end_as_abnormal_or_closed_or_stay_pending_until_it_is_settled(shop):
    for what, status, left in [
        ("abnormal", "ABNORMAL", 70),
        ("closed", "CLOSED", 100),
        ("pending", "SUCCESS", 70),
        ("pending", "ABNORMAL", 70),
        ("pending", "CLOSED", 100),
    ]:
        number, of = await shop.paid(amount_fen=100), f"RI{what}{status}"
        await shop.misbehave(what, **({"call": "refund"} if what == "pending" else {"number": of}))
        assert (await shop.pay.refund(of, number, 30, 100, "退款")).status == "PROCESSING"
        if what == "pending":
            assert (await shop.pay.query_refund(of, number)).status == "PROCESSING"
            assert shop.desk.taken.empty()
            await shop.misbehave("settle", number=of, code=status)
        notice = await shop.notice()
        assert (notice.event_type, notice.resource.status) == (f"REFUND.{status}", status)
        assert (await shop.pay.query_refund(of, number)).status == status
        kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
        assert kept["refundable_fen"] == left


async def test_a_transfer_that_wechat_would_refuse_is_refused(shop):
    for changes, code in [
        ({"appid": "wxanother"}, "INVALID_REQUEST"),
        ({"transfer_scene_id": "1005"}, "INVALID_REQUEST"),
        ({"transfer_scene_id": 1000}, "PARAM_ERROR"),
        ({"transfer_scene_report_infos": []}, "PARAM_ERROR"),
        ({"transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "挖宝"}]}, "PARAM_ERROR"),
        (
            {"transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "挖宝"}] * 2},
            "PARAM_ERROR",
        ),
        ({"user_recv_perception": "工资"}, "INVALID_REQUEST"),
        ({"transfer_amount": 0}, "PARAM_ERROR"),
        ({"transfer_amount": "100"}, "PARAM_ERROR"),
        ({"transfer_amount": 200_000}, "PARAM_ERROR"),
        ({"transfer_amount": 9}, "INVALID_REQUEST"),
        ({"transfer_amount": 20_001}, "INVALID_REQUEST"),
        ({"transfer_remark": "祝" * 33}, "PARAM_ERROR"),
        ({"transfer_remark": "违规的名字"}, "TRANSFER_REMARK_SET_FAIL"),
        ({"out_bill_no": "with-dash"}, "PARAM_ERROR"),
        ({"openid": ""}, "PARAM_ERROR"),
    ]:
        answer = await call(shop, "POST", TRANSFERS, a_bill(**changes))
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert await shop.context.sandbox.pay.bills.count_documents({}) == 0


async def test_transfers_to_a_person_and_by_a_merchant_have_limits_a_day(shop):
    bills = shop.context.sandbox.pay.bills
    for number in range(10):
        assert (await shop.pay.transfer(shop.body(f"T{number}", 20_000))).state == "WAIT_USER_CONFIRM"
    failed = await shop.pay.transfer(shop.body("T10", 10))
    assert (failed.state, failed.fail_reason) == ("FAIL", "DAY_RECEIVED_QUOTA_EXCEED")
    await bills.update_many({"state": "WAIT_USER_CONFIRM"}, {"$set": {"openid": "oSomebodyElse"}})
    assert (await shop.pay.transfer(shop.body("T11", 10))).state == "WAIT_USER_CONFIRM"
    await bills.update_one({"_id": "T0"}, {"$set": {"amount_fen": 4_820_000}})
    with pytest.raises(PayRefused, match="DAY_REFUSED"):
        await shop.pay.transfer(shop.body("T12", 10))
    await bills.update_many({}, {"$inc": {"created_at_ms": -86_400_000}})
    assert (await shop.pay.transfer(shop.body("T12", 10))).state == "WAIT_USER_CONFIRM"


async def test_a_repeated_bill_is_the_same_and_another_under_its_number_is_refused(shop):
    bill = a_bill()
    answers = await asyncio.gather(*(call(shop, "POST", TRANSFERS, bill) for _ in range(8)))
    assert len({answer.text for answer in answers}) == 1
    for other in ({"transfer_amount": 101}, {"openid": "oSomebodyElse"}, {"transfer_remark": "再来"}):
        answer = await call(shop, "POST", TRANSFERS, bill | other)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


async def test_a_person_who_declined_may_confirm_later_but_only_once(shop):
    bill = await shop.pay.transfer(shop.body("TA"))
    assert await shop.confirm(bill.package_info, decline=1) == "requestMerchantTransfer:cancel"
    assert (await shop.pay.query_transfer("TA")).state == "WAIT_USER_CONFIRM"
    answers = await asyncio.gather(*(shop.confirm(bill.package_info) for _ in range(6)))
    assert answers.count("requestMerchantTransfer:ok") == 1
    with pytest.raises(PayRefused, match="不支持撤销"):
        await shop.pay.cancel_transfer("TA")
    assert (await shop.pay.query_transfer("TA")).state == "SUCCESS"
    assert "fail" in await shop.confirm("nothing")
    assert "fail" in await shop.confirm(bill.package_info, mchId="1900000002")


async def test_a_bill_that_nobody_confirms_for_a_day_fails(shop):
    bill = await shop.pay.transfer(shop.body("TB"))
    kept = await shop.context.sandbox.pay.bills.find_one({"_id": "TB"})
    assert kept["expires_at_ms"] - kept["created_at_ms"] == 86_400_000
    await shop.misbehave("expire", number="TB")
    notice = await shop.notice()
    assert (notice.resource.state, notice.resource.fail_reason) == ("FAIL", "OVERDUE_CLOSE")
    assert "fail" in await shop.confirm(bill.package_info)
    again = await shop.pay.transfer(shop.body("TB"))
    assert (again.state, again.package_info) == ("FAIL", None)


async def test_a_confirmation_or_a_cancellation_at_the_same_time_wins_and_not_both(shop):
    for place in range(5):
        number = f"TC{place}"
        bill = await shop.pay.transfer(shop.body(number))
        confirmed, cancelled = await asyncio.gather(
            shop.confirm(bill.package_info), shop.pay.cancel_transfer(number), return_exceptions=True
        )
        state = (await shop.pay.query_transfer(number)).state
        if confirmed == "requestMerchantTransfer:ok":
            assert isinstance(cancelled, PayRefused)
            assert state == "SUCCESS"
        else:
            assert cancelled.state == "CANCELING"
            assert state == "CANCELLED"


NOW_MS = 1_790_000_000_000
PATH = "/sandbox/wxa/sec/order"


async def told(shop: Shop, body: Any, call: str = "upload_shipping_info") -> tuple[int, dict[str, Any]]:
    """Return the error code that a call is answered with, and the whole answer."""
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


async def test_whether_deliveries_must_be_reported_is_told_to_the_mini_program_itself(shop):
    appid = shop.context.settings.appid
    code, answer = await told(shop, {"appid": appid}, "is_trade_managed")
    assert (code, answer["is_trade_managed"]) == (0, True)
    assert (await told(shop, {"appid": "wx0123456789abcdef"}, "is_trade_managed"))[0] == 40013
    assert (await told(shop, {}, "is_trade_managed"))[0] == 40097


async def make_due(shop: Shop) -> None:
    """Make all notices due, and send them as any process would."""
    await shop.context.background.finish()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await send_notices(shop.context)


async def states(shop: Shop) -> list[tuple[str, int]]:
    found = await shop.context.sandbox.notices.collection.find().to_list(None)
    return [(notice["state"], notice["attempts"]) for notice in found]


async def test_a_notice_is_repeated_until_it_is_acknowledged(shop):
    shop.desk.answers = [500, 404, 302, 200]
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    notices = [await shop.notice()]
    for _ in range(3):
        await make_due(shop)
        notices.append(await shop.notice())
    assert len({notice.id for notice in notices}) == 1
    await make_due(shop)
    assert shop.desk.taken.empty()
    assert await states(shop) == [("done", 4)]


async def test_processes_that_send_at_once_send_once(shop):
    await shop.misbehave("delay_notice", seconds=60)
    _, prepay_id = await shop.order()
    await shop.request_payment(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert shop.desk.taken.empty()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await asyncio.gather(*(send_notices(shop.context) for _ in range(6)))
    assert shop.desk.taken.qsize() == 1


async def test_a_notice_may_be_lost_or_repeated_or_follow_a_forged_one(shop):
    for what, comes in (("lose_notice", 0), ("repeat_notice", 2), ("forge_notice", 2), ("", 1)):
        if what:
            await shop.misbehave(what)
        number, prepay_id = await shop.order()
        await shop.request_payment(shop.pay.payment_parameters(prepay_id))
        await make_due(shop)
        assert shop.desk.taken.qsize() == comes
        taken = [await shop.taken() for _ in range(comes)]
        if what == "forge_notice":
            _, headers, _ = taken.pop(0)
            assert headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
        for path, headers, body in taken:
            assert path == "/payNotify"
            assert shop.pay.read_notice(headers, body).resource.out_trade_no == number
