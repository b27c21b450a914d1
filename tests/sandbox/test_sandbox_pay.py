"""The stand-in's WeChat Pay: its signatures, its rules, its notices, and how it misbehaves when told to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from wechatpayv3.async_.utils import build_authorization, load_private_key, load_public_key, rsa_verify

from server.context import Context
from server.sandbox import send_notices
from server.sandbox.notices import PAUSES_SECONDS
from server.sandbox.pay_call import FAILURES
from server.store.sandbox.pay import REFUNDS_AN_ORDER
from server.wechat.pay import PayRefused, merchant_of
from support.merchant import OPENID, Shop, a_number, a_shop

ORDERS = "/v3/pay/transactions"
TRANSFERS = "/v3/fund-app/mch-transfer/transfer-bills"


@pytest.fixture
def shop(io_loop: Any, context: Context, client: Any) -> Iterator[Shop]:
    with a_shop(io_loop, context, client.http) as opened:
        yield opened


async def call(
    shop: Shop, method: str, path: str, body: dict[str, Any] | None = None, **changes: Any
) -> httpx.Response:
    """Call an interface as the library does; `changes` are to what is signed, or to the headers."""
    merchant = shop.context.pay.merchant
    assert merchant is not None
    sent = json.dumps(body) if body is not None else ""
    authorization = build_authorization(
        changes.get("signed_path", path),
        changes.get("signed_method", method),
        changes.get("mchid", merchant.mchid),
        changes.get("serial", merchant.cert_serial),
        load_private_key(changes.get("key", merchant.private_key)),
        changes.get("signed", sent),
    )
    headers = {"Content-Type": "application/json", "Authorization": changes.get("header", authorization)}
    return await shop.http.request(method, f"/sandbox{path}", content=sent, headers=headers)


def an_order(number: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "appid": "wxsandbox000000000",
        "mchid": "1900000001",
        "description": "红包",
        "out_trade_no": number or a_number(),
        "notify_url": "http://127.0.0.1:9/payNotify",
        "amount": {"total": 100, "currency": "CNY"},
        "payer": {"openid": OPENID},
    } | changes


def a_bill(**changes: Any) -> dict[str, Any]:
    return {
        "appid": "wxsandbox000000000",
        "out_bill_no": a_number(),
        "transfer_scene_id": "1000",
        "openid": OPENID,
        "transfer_amount": 100,
        "transfer_remark": "恭喜",
        "user_recv_perception": "现金奖励",
        "transfer_scene_report_infos": [
            {"info_type": "活动名称", "info_content": "挖宝"},
            {"info_type": "奖励说明", "info_content": "挖到宝贝"},
        ],
    } | changes


# -- signatures


@pytest.mark.parametrize(
    "changes",
    [
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
    ],
)
@pytest.mark.gen_test
async def test_a_request_that_is_not_the_merchants_is_answered_401_and_does_nothing(shop, changes):
    if changes.get("key") == "platform":
        pairs = await shop.context.sandbox.keys.find()
        changes = {"key": pairs["platform_private_key"]}
    answer = await call(shop, "POST", f"{ORDERS}/jsapi", an_order(), **changes)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    assert answer.json()["message"]
    assert await shop.context.sandbox.pay.orders.count_documents({}) == 0
    assert (await call(shop, "POST", f"{ORDERS}/jsapi", an_order())).status_code == 200


@pytest.mark.gen_test
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
                load_private_key(merchant.private_key),
                json.dumps(order),
            )
        answer = await call(shop, "POST", f"{ORDERS}/jsapi", order, header=header)
        assert answer.status_code == status


@pytest.mark.gen_test
async def test_every_answer_is_signed_a_refusal_too(shop):
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


@pytest.mark.gen_test
async def test_processes_that_start_at_once_make_one_set_of_keys_and_a_restart_keeps_it(context):
    await context.sandbox.keys.collection.delete_many({})
    merchants = await asyncio.gather(
        *(merchant_of(context.settings, context.sandbox) for _ in range(6))
    )
    merchants.append(await merchant_of(context.settings, context.sandbox))
    assert len({merchant.private_key for merchant in merchants}) == 1
    assert len({merchant.public_key for merchant in merchants}) == 1
    assert len({merchant.api_v3_key for merchant in merchants}) == 1
    assert await context.sandbox.keys.collection.count_documents({}) == 1


# -- orders


@pytest.mark.parametrize(
    ("changes", "code"),
    [
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
    ],
)
@pytest.mark.gen_test
async def test_an_order_that_wechat_would_refuse_is_refused(shop, changes, code):
    answer = await call(shop, "POST", f"{ORDERS}/jsapi", an_order(**changes))
    assert (answer.status_code, answer.json()["code"]) == (FAILURES[code][0], code)
    assert await shop.context.sandbox.pay.orders.count_documents({}) == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"{"])
@pytest.mark.gen_test
async def test_a_body_that_is_no_order_is_refused_in_json(shop, body):
    answer = await shop.http.post(f"/sandbox{ORDERS}/jsapi", content=body)
    assert answer.status_code == 401
    assert answer.json()["code"] == "SIGN_ERROR"
    answer = await shop.http.get(f"/sandbox{ORDERS}/jsapi")
    assert answer.status_code == 400
    assert answer.json()["code"] == "PARAM_ERROR"


@pytest.mark.gen_test
async def test_of_many_orders_under_one_number_at_once_there_is_one(shop):
    order = an_order()
    answers = await asyncio.gather(*(call(shop, "POST", f"{ORDERS}/jsapi", order) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["prepay_id"] for answer in answers}) == 1


@pytest.mark.gen_test
async def test_an_order_whose_time_is_over_is_closed_and_cannot_be_paid(shop):
    number, prepay_id = await shop.order()
    await shop.misbehave("expire", number=number)
    assert (await shop.pay.query_order(number)).trade_state == "CLOSED"
    assert "fail" in await shop.hand_over(shop.pay.payment_parameters(prepay_id))
    with pytest.raises(PayRefused, match="ORDER_CLOSED"):
        await call_again(shop, number)


async def call_again(shop: Shop, number: str) -> None:
    """Ask for the same order again."""
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    answer = await call(shop, "POST", f"{ORDERS}/jsapi", json.loads(kept["asked"]))
    raise PayRefused(answer.json()["code"], answer.json()["message"])


@pytest.mark.gen_test
async def test_a_paid_order_cannot_be_ordered_again(shop):
    with pytest.raises(PayRefused, match="ORDERPAID"):
        await call_again(shop, await shop.paid())


# -- paying


@pytest.mark.parametrize(
    "changes",
    [
        {"paySign": "AAAA"},
        {"paySign": "not base64!"},
        {"nonceStr": "another"},
        {"timeStamp": "1"},
        {"package": "prepay_id=another"},
        {"appId": "wxanother"},
        {"signType": "MD5"},
        {"paySign": None},
        {"decline": 1},
    ],
)
@pytest.mark.gen_test
async def test_what_the_merchant_did_not_sign_is_not_paid(shop, changes):
    number, prepay_id = await shop.order()
    parameters = shop.pay.payment_parameters(prepay_id)
    assert (await shop.hand_over(parameters, **changes)).startswith("requestPayment:fail")
    assert (await shop.pay.query_order(number)).trade_state == "NOTPAY"
    assert await shop.hand_over(parameters) == "requestPayment:ok"


@pytest.mark.gen_test
async def test_an_order_is_paid_once_however_many_pay_at_once(shop):
    number, prepay_id = await shop.order()
    parameters = shop.pay.payment_parameters(prepay_id)
    answers = await asyncio.gather(*(shop.hand_over(parameters) for _ in range(8)))
    assert answers.count("requestPayment:ok") == 1
    assert (await shop.notice()).resource.out_trade_no == number
    await shop.context.background.finish()
    assert shop.desk.taken.empty()


# -- refunds


@pytest.mark.gen_test
async def test_no_more_is_refunded_than_was_paid(shop):
    number = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RA", number, 101, 100, "退款")
    await shop.pay.refund("RB", number, 60, 100, "退款")
    with pytest.raises(PayRefused, match="可退金额"):
        await shop.pay.refund("RC", number, 41, 100, "退款")
    await shop.pay.refund("RD", number, 40, 100, "退款")


@pytest.mark.gen_test
async def test_of_refunds_at_once_only_so_many_succeed_as_there_is_money(shop):
    number = await shop.paid(amount_fen=100)
    made = await asyncio.gather(
        *(shop.pay.refund(f"RE{place}", number, 30, 100, "退款") for place in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, PayRefused) for one in made) == 7
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    assert (kept["refundable_fen"], len(kept["refunds"])) == (10, 3)


@pytest.mark.gen_test
async def test_the_same_refund_again_is_the_same_and_another_amount_is_refused(shop):
    number = await shop.paid(amount_fen=100)
    refunds = [await shop.pay.refund("RF", number, 30, 100, "退款") for _ in range(3)]
    assert [refund.status for refund in refunds] == ["PROCESSING", "SUCCESS", "SUCCESS"]
    assert len({refund.refund_id for refund in refunds}) == 1
    for amount_fen, total_fen in ((31, 100), (30, 99)):
        with pytest.raises(PayRefused, match="不一致"):
            await shop.pay.refund("RF", number, amount_fen, total_fen, "退款")
    other = await shop.paid(amount_fen=100)
    with pytest.raises(PayRefused, match="不一致"):
        await shop.pay.refund("RF", other, 30, 100, "退款")


@pytest.mark.gen_test
async def test_what_is_not_paid_or_of_another_sum_is_not_refunded(shop):
    number, _ = await shop.order(amount_fen=100)
    with pytest.raises(PayRefused, match="未支付"):
        await shop.pay.refund("RG", number, 100, 100, "退款")
    with pytest.raises(PayRefused, match="不一致"):
        await shop.pay.refund("RG", await shop.paid(amount_fen=100), 50, 200, "退款")
    with pytest.raises(PayRefused) as refused:
        await shop.pay.refund("RG", "nothing", 100, 100, "退款")
    assert refused.value.not_found


@pytest.mark.gen_test
async def test_an_order_is_refunded_fifty_times_at_most(shop):
    number = await shop.paid(amount_fen=100)
    for place in range(REFUNDS_AN_ORDER):
        await shop.pay.refund(f"RH{place}", number, 1, 100, "退款")
    with pytest.raises(PayRefused, match="次数"):
        await shop.pay.refund("RH50", number, 1, 100, "退款")
    assert (await shop.pay.refund("RH0", number, 1, 100, "退款")).status == "SUCCESS"


@pytest.mark.parametrize(
    ("what", "status", "left"), [("abnormal", "ABNORMAL", 70), ("closed", "CLOSED", 100)]
)
@pytest.mark.gen_test
async def test_a_refund_may_end_badly_and_says_so(shop, what, status, left):
    number = await shop.paid(amount_fen=100)
    await shop.misbehave(what, number="RI")
    assert (await shop.pay.refund("RI", number, 30, 100, "退款")).status == "PROCESSING"
    notice = await shop.notice()
    assert (notice.event_type, notice.resource.status) == (f"REFUND.{status}", status)
    assert (await shop.pay.query_refund("RI", number)).status == status
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    assert kept["refundable_fen"] == left


@pytest.mark.parametrize(("code", "left"), [("SUCCESS", 70), ("ABNORMAL", 70), ("CLOSED", 100)])
@pytest.mark.gen_test
async def test_a_refund_stays_pending_until_it_is_settled(shop, code, left):
    number = await shop.paid(amount_fen=100)
    await shop.misbehave("pending", call="refund")
    await shop.pay.refund("RJ", number, 30, 100, "退款")
    assert (await shop.pay.query_refund("RJ", number)).status == "PROCESSING"
    assert shop.desk.taken.empty()
    await shop.misbehave("settle", number="RJ", code=code)
    assert (await shop.notice()).resource.status == code
    assert (await shop.pay.query_refund("RJ", number)).status == code
    kept = await shop.context.sandbox.pay.orders.find_one({"_id": number})
    assert kept["refundable_fen"] == left


# -- transfers


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appid": "wxanother"}, "INVALID_REQUEST"),
        ({"transfer_scene_id": "1005"}, "INVALID_REQUEST"),
        ({"transfer_scene_id": 1000}, "PARAM_ERROR"),
        ({"transfer_scene_report_infos": []}, "PARAM_ERROR"),
        (
            {"transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "挖宝"}]},
            "PARAM_ERROR",
        ),
        (
            {"transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "挖宝"}] * 2},
            "PARAM_ERROR",
        ),
        ({"user_recv_perception": "工资"}, "INVALID_REQUEST"),
        ({"transfer_amount": 0}, "PARAM_ERROR"),
        ({"transfer_amount": "100"}, "PARAM_ERROR"),
        ({"transfer_amount": 200_000}, "PARAM_ERROR"),
        ({"transfer_remark": "祝" * 33}, "PARAM_ERROR"),
        ({"out_bill_no": "with-dash"}, "PARAM_ERROR"),
        ({"openid": ""}, "PARAM_ERROR"),
    ],
)
@pytest.mark.gen_test
async def test_a_transfer_that_wechat_would_refuse_is_refused(shop, changes, code):
    answer = await call(shop, "POST", TRANSFERS, a_bill(**changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await shop.context.sandbox.pay.bills.count_documents({}) == 0


@pytest.mark.gen_test
async def test_the_same_bill_again_is_the_same_and_another_under_its_number_is_refused(shop):
    bill = a_bill()
    answers = await asyncio.gather(*(call(shop, "POST", TRANSFERS, bill) for _ in range(8)))
    assert len({answer.text for answer in answers}) == 1
    for other in ({"transfer_amount": 101}, {"openid": "oSomebodyElse"}, {"transfer_remark": "再来"}):
        answer = await call(shop, "POST", TRANSFERS, bill | other)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.gen_test
async def test_who_declines_may_confirm_later_and_nobody_twice(shop):
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


@pytest.mark.gen_test
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


@pytest.mark.gen_test
async def test_of_a_confirmation_and_a_cancellation_at_once_one_wins(shop):
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


@pytest.mark.gen_test
async def test_a_transfer_fails_when_told_at_once_or_once_confirmed(shop):
    await shop.misbehave("fail", call="transfer", code="ACCOUNT_FROZEN")
    failed = await shop.pay.transfer(shop.body("TD"))
    assert (failed.state, failed.fail_reason) == ("FAIL", "ACCOUNT_FROZEN")
    assert (await shop.notice()).resource.state == "FAIL"
    bill = await shop.pay.transfer(shop.body("TE"))
    await shop.misbehave("fail", number="TE")
    assert await shop.confirm(bill.package_info) == "requestMerchantTransfer:ok"
    assert (await shop.notice()).resource.fail_reason == "PAYEE_ACCOUNT_ABNORMAL"


@pytest.mark.gen_test
async def test_a_transfer_may_be_accepted_only_and_goes_on_when_asked_for_again(shop):
    await shop.misbehave("accepted")
    body = shop.body("TF")
    accepted = await shop.pay.transfer(body)
    assert (accepted.state, accepted.package_info) == ("ACCEPTED", None)
    assert (await shop.pay.query_transfer("TF")).state == "ACCEPTED"
    again = await shop.pay.transfer(body)
    assert again.state == "WAIT_USER_CONFIRM"
    assert await shop.confirm(again.package_info) == "requestMerchantTransfer:ok"


@pytest.mark.gen_test
async def test_a_confirmation_and_a_cancellation_may_stay_pending(shop):
    bill = await shop.pay.transfer(shop.body("TG"))
    await shop.misbehave("pending", call="confirm")
    assert await shop.confirm(bill.package_info) == "requestMerchantTransfer:ok"
    assert (await shop.pay.query_transfer("TG")).state == "TRANSFERING"
    with pytest.raises(PayRefused):
        await shop.pay.cancel_transfer("TG")
    await shop.misbehave("settle", number="TG")
    assert (await shop.notice()).resource.state == "SUCCESS"
    await shop.pay.transfer(shop.body("TH"))
    await shop.misbehave("pending", call="cancel")
    for _ in range(2):
        assert (await shop.pay.cancel_transfer("TH")).state == "CANCELING"
    await shop.misbehave("settle", number="TH")
    assert (await shop.notice()).resource.state == "CANCELLED"


# -- notices


async def make_due(shop: Shop) -> None:
    """Let the time until the next attempt pass, and send what is due as any process would."""
    await shop.context.background.finish()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await send_notices(shop.context)


async def states(shop: Shop) -> list[tuple[str, int]]:
    found = await shop.context.sandbox.notices.collection.find().to_list(None)
    return [(notice["state"], notice["attempts"]) for notice in found]


@pytest.mark.gen_test
async def test_a_notice_is_repeated_until_it_is_acknowledged_and_then_no_more(shop):
    shop.desk.answers = [500, 404, 302, 200]
    _, prepay_id = await shop.order()
    await shop.hand_over(shop.pay.payment_parameters(prepay_id))
    notices = [await shop.notice()]
    for _ in range(3):
        await make_due(shop)
        notices.append(await shop.notice())
    assert len({notice.id for notice in notices}) == 1
    await make_due(shop)
    assert shop.desk.taken.empty()
    assert await states(shop) == [("done", 4)]


@pytest.mark.gen_test
async def test_nobody_is_asked_more_than_fifteen_times(shop):
    shop.desk.answers = [500] * 50
    _, prepay_id = await shop.order()
    await shop.hand_over(shop.pay.payment_parameters(prepay_id))
    for _ in range(20):
        await make_due(shop)
    assert shop.desk.taken.qsize() == len(PAUSES_SECONDS) + 1 == 15
    assert await states(shop) == [("given_up", 15)]


@pytest.mark.gen_test
async def test_a_notice_waits_for_a_merchant_who_is_not_there(shop):
    _, prepay_id = await shop.order()
    shop.desk.server.stop()
    await shop.hand_over(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert await states(shop) == [("waiting", 1)]
    kept = await shop.context.sandbox.notices.collection.find_one({})
    assert kept["due_at_ms"] > time.time() * 1000


@pytest.mark.gen_test
async def test_processes_that_send_at_once_send_once(shop):
    await shop.misbehave("delay_notice", seconds=60)
    _, prepay_id = await shop.order()
    await shop.hand_over(shop.pay.payment_parameters(prepay_id))
    await shop.context.background.finish()
    assert shop.desk.taken.empty()
    await shop.context.sandbox.notices.collection.update_many({}, {"$set": {"due_at_ms": 0}})
    await asyncio.gather(*(send_notices(shop.context) for _ in range(6)))
    assert shop.desk.taken.qsize() == 1


@pytest.mark.gen_test
async def test_a_notice_may_be_lost_repeated_or_come_after_a_forged_one(shop):
    for what, comes in (("lose_notice", 0), ("repeat_notice", 2), ("forge_notice", 2), ("", 1)):
        if what:
            await shop.misbehave(what)
        number, prepay_id = await shop.order()
        await shop.hand_over(shop.pay.payment_parameters(prepay_id))
        await make_due(shop)
        assert shop.desk.taken.qsize() == comes
        taken = [await shop.taken() for _ in range(comes)]
        if what == "forge_notice":
            _, headers, _ = taken.pop(0)
            assert headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
        for path, headers, body in taken:
            assert path == "/payNotify"
            assert shop.pay.read_notice(headers, body).resource.out_trade_no == number


@pytest.mark.gen_test
async def test_each_kind_of_notice_has_an_address_of_its_own(shop):
    number = await shop.paid(amount_fen=100)
    await shop.pay.refund("RK", number, 100, 100, "退款")
    assert (await shop.taken())[0] == "/refundNotify"
    bill = await shop.pay.transfer(shop.body("TI"))
    await shop.confirm(bill.package_info)
    assert (await shop.taken())[0] == "/transferNotify"


# -- misbehaving


@pytest.mark.gen_test
async def test_a_wish_is_used_up_where_it_is_meant(shop):
    await shop.misbehave("refuse", call="transfer", number="TJ", times=2)
    assert (await shop.pay.transfer(shop.body("TK"))).state == "WAIT_USER_CONFIRM"
    for _ in range(2):
        with pytest.raises(PayRefused, match="NOT_ENOUGH"):
            await shop.pay.transfer(shop.body("TJ"))
    assert (await shop.pay.transfer(shop.body("TJ"))).state == "WAIT_USER_CONFIRM"
    await shop.misbehave("refuse", times=100)
    await shop.misbehave("behave")
    assert (await shop.pay.query_transfer("TJ")).state == "WAIT_USER_CONFIRM"


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"what": "explode"},
        {"what": "refuse", "code": "NO_SUCH_CODE"},
        {"what": "refuse", "times": 0},
        {"what": "refuse", "call": "everything"},
        {"what": "expire", "number": "nothing"},
        {"what": "settle", "number": "nothing"},
        {"what": "delay_notice", "seconds": -1},
        {"what": "refuse", "number": {"$ne": ""}},
    ],
)
@pytest.mark.gen_test
async def test_a_wish_that_cannot_be_granted_is_told_why(shop, wish):
    answer = await shop.http.post("/sandbox/misbehave", json=wish)
    assert answer.status_code == 400
    assert answer.json()["errMsg"].startswith("misbehave:fail ")
    assert await shop.context.sandbox.misbehaviours.collection.count_documents({}) == 0


@pytest.mark.gen_test
async def test_a_form_will_do_for_a_person(shop):
    bill = await shop.pay.transfer(shop.body("TL"))
    answer = await shop.http.post(
        "/sandbox/confirm", data={"package_info": bill.package_info, "decline": "1"}
    )
    assert answer.json() == {"errMsg": "requestMerchantTransfer:cancel"}
    for body in (b"\xff", b"[]", b"{", b""):
        answer = await shop.http.post("/sandbox/confirm", content=body)
        assert answer.status_code == 400
        assert answer.json()["errMsg"].startswith("requestMerchantTransfer:fail ")
