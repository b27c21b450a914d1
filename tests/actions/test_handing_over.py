"""The place and time of a hand-over, regions that goods are not sent to, and the publisher's contact."""

from __future__ import annotations

import pytest

from support.purse import find
from support.reviews import CHECKED

ADDRESS = {"receiver": "小红", "phone": "13800000000"}


async def test_all_read_where_goods_are_handed_over_and_winners_alone_whom_to_call(alice, bob, carol):
    told = {"place": "人民广场 3 号口", "pickup_time": "周六下午", "contact": "微信 ming-1"}
    told["not_sent_to"] = "新疆"
    code = await alice.publish(draw_type=1, forecast_num=1, **told)
    seen = await bob.get("/getTaskDetails", code=code)
    assert (seen["place"], seen["pickup_time"], seen["contact"]) == ("人民广场 3 号口", "周六下午", "")
    assert seen["not_sent_to"] == []  # forms send it along although it does not apply
    [card] = (await bob.get("/getTaskList"))["data"]
    assert (card["place"], card["pickup_time"], "contact" in card) == ("人民广场 3 号口", "周六下午", False)
    rules = (await bob.get("/getRules", code=code))["rules"]
    assert any("；地点：人民广场 3 号口；时间：周六下午" in rule["text"] for rule in rules)
    assert "ming-1" not in str(rules)
    assert (await alice.get("/getTaskDetails", code=code))["contact"] == "微信 ming-1"
    await bob.win(code)
    assert (await bob.get("/getTaskDetails", code=code))["contact"] == "微信 ming-1"
    assert (await bob.claim(code))["contact"] == "微信 ming-1"
    assert (await carol.get("/getTaskDetails", code=code))["contact"] == ""


async def test_goods_by_mail_are_not_claimed_to_where_they_are_not_sent(context, alice, bob):
    code = await alice.publish(draw_type=2, forecast_num=1, not_sent_to="新疆维吾尔自治区，西藏 新疆")
    assert (await bob.get("/getTaskDetails", code=code))["not_sent_to"] == ["新疆", "西藏"]
    for word in ("火星", "广东深圳"):  # otherwise all of 广东 would be left out
        wrong = await alice.post("/editTask", code=code, name="猫", not_sent_to=f"新疆、{word}")
        assert (wrong["param"], f"“{word}”不是省级地区" in wrong["msg"]) == ("not_sent_to", True)
    rules = (await bob.get("/getRules", code=code))["rules"]
    assert any("；不寄到新疆、西藏" in rule["text"] for rule in rules)
    await bob.win(code)
    for begins in ("中国 西藏自治区", "850000，西藏"):
        there = await bob.claim(code, **ADDRESS, address=f"{begins}拉萨市某路 1 号")
        assert there["msg"] == "发布者不寄到西藏：请换一个收货地址，或联系发布者"
        assert there["param"] == "address"
    for unclear in ("拉萨市某路 1 号", "西藏中路 1 号"):
        there = await bob.claim(code, **ADDRESS, address=unclear)
        assert (there["param"], "请从省级地区写起" in there["msg"]) == ("address", True)
    [prize] = await find(context, "prizes")
    assert prize["state"] == "won"
    assert (await bob.claim(code, **ADDRESS, address="上海西藏中路 1 号"))["is_draw"] == 1


class TestWhereContentsAreChecked:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return CHECKED

    async def test_these_texts_are_checked_too(self, context, alice):
        await alice.publish(draw_type=1, place="暗号地点", pickup_time="暗号时间", contact="暗号联系")
        [review] = await find(context, "reviews")
        assert review["text"].splitlines()[-3:] == ["暗号地点", "暗号时间", "暗号联系"]
