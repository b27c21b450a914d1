"""The sandbox's WeChat Pay: its signatures, orders and refunds."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from wechatpayv3.async_.utils import build_authorization, load_public_key, rsa_verify

from devtools.sandbox.pay_call import FAILURES
from devtools.sandbox.store import SandboxStore
from server.wechat.pay.answers import PayRefused
from support.merchant import Shop
from support.merchant_calls import ORDERS, an_order, call, private_key
from support.purse import let_refund

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


async def test_a_signature_is_good_for_five_minutes(shop, monkeypatch):
    now = time.time()
    for age_seconds, status in ((290, 200), (310, 401), (-310, 401)):
        with monkeypatch.context() as patched:
            patched.setattr("wechatpayv3.async_.utils.time.time", lambda age=age_seconds: now - age)
            order = an_order()
            merchant = shop.context.pay.merchant
            header = build_authorization(
                f"{ORDERS}/jsapi",
                "POST",
                merchant.mchid,
                merchant.cert_serial,
                private_key(merchant.private_key),
                json.dumps(order),
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
    """Send an order's request again; the answer must be a refusal. Raises PayRefused with it."""
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
    with pytest.raises(PayRefused, match="相隔1分钟"):
        await shop.pay.refund("RD", number, 40, 100, "退款")
    await let_refund(shop.context)
    await shop.pay.refund("RD", number, 40, 100, "退款")


async def test_refunds_at_the_same_time_never_exceed_the_payment(shop):
    number = await shop.paid(amount_fen=100)
    made = await asyncio.gather(
        *(shop.pay.refund(f"RE{place}", number, 30, 100, "退款") for place in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PayRefused) for one in made) == 9  # refunds must be a minute apart
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
