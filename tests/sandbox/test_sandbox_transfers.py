"""The sandbox's transfers: refusals, confirmations, declined and cancelled transfers, and failures."""

from __future__ import annotations

import asyncio

import pytest

from server.wechat.pay.answers import PayRefused
from support.merchant_calls import TRANSFERS, a_bill, call


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


async def test_a_person_and_a_merchant_are_transferred_so_much_a_day(shop):
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
