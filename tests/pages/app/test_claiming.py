"""The client in a real browser: claims as the winner and the publisher see them, while they go on."""

import time
from pathlib import Path

import httpx
from playwright.sync_api import expect

from support.browser import Person, come_in, write_record
from support.login import log_in
from support.servers import until

DAY_MS = 86_400_000


def test_claims_appear_alone_what_is_typed_stays_and_reports_close_the_addresses(window, publisher, shared):
    code = publisher.publish(prize_num=5, interval=1, fluctuation=0)
    page = window("小明", f"/#/winners/{code}").page
    expect(page.get_by_text("还没有人挖到")).to_be_visible()
    winner = Person.log_in(publisher.address, "阿强")
    winner.post("/postTask", code=code)
    row = page.locator(".winners li", has_text="阿强")
    expect(row).to_contain_text("待填地址")
    winner.claim(code, receiver="强哥", phone="13800000000", address="深圳市科技园 1 号")
    expect(row).to_contain_text("深圳市科技园 1 号")
    number = row.get_by_label("运单号")
    number.fill("SF1234")
    with page.expect_response("**/getWinners*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(number).to_have_value("SF1234")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载表格").click()
    assert "深圳市科技园 1 号" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    for reporter in (winner, *(Person.log_in(publisher.address, f"第{number}位") for number in range(4))):
        write_record(shared.data_dir, "people", reporter.id, created_at=1)  # not those of newcomers
        if reporter != winner:
            reporter.post("/postTask", code=code)
        reporter.post("/report", code=code, reason="fraud")
    page.reload()
    closed = page.get_by_text("有多人举报，这期间看不到收货地址")
    expect(closed).to_be_visible()
    expect(page.get_by_text("科技园")).to_have_count(0)
    page.get_by_role("button", name="下载表格").click()
    expect(closed).to_have_count(2)
    page.goto(f"{publisher.address}/#/task/{code}")
    expect(page.locator(".review")).to_contain_text("最多 24 小时后恢复显示")
    expect(page.get_by_role("button", name="提前结束")).to_have_count(0)


def test_somebody_unnamed_wins_elsewhere_finds_the_form_first_and_is_asked_for_a_name(window, publisher):
    code = publisher.publish(name="一只银碗", forecast_num=1)
    unnamed = log_in(publisher.address, "无名", ("code",))
    opened = come_in(window, unnamed)
    page = opened.page
    opened.go(f"/#/task/{code}")
    expect(page.locator(".watchers")).to_be_visible()
    Person(publisher.address, unnamed["unionid"], unnamed["token"]).post("/postTask", code=code)
    expect(page.locator("#claim > section")).to_be_visible()
    expect(page.locator(".claim .unnamed")).to_be_visible()
    opened.go("/#/mine")
    page.locator(".waiting").get_by_role("link", name="去领奖").click()
    expect(page.get_by_label("收货人")).to_be_in_viewport()
    for label, text in {"收货人": "小满", "电话": "12345", "详细地址": "香港九龙弥敦道 100 号"}.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="提交地址").click()
    phone = page.get_by_label("电话")
    expect(phone).to_be_focused()
    expect(page.locator(".field", has=phone).get_by_role("alert")).to_contain_text("“电话”请")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    phone.fill("+852 2345 6789")
    expect(page.get_by_text("“电话”请")).to_have_count(0)
    page.get_by_role("button", name="提交地址").click()
    expect(page.locator(".claim")).to_contain_text("香港九龙弥敦道 100 号")


def test_a_red_packet_is_taken_from_the_time_on_that_is_told_whatever_wechat_says(window, publisher, shared):
    code = publisher.publish(goods_type=1, money=1, forecast_num=1)
    publisher.pay(code, 1)
    winner = Person.log_in(publisher.address, "阿等")
    winner.post("/postTask", code=code)
    until(lambda: publisher.get("/getWinners", code=code)["data"])  # a prize is written just after its dig
    tomorrow_ms = int(time.time() * 1000) + DAY_MS
    write_record(shared.data_dir, "prizes", f"{code}:1", waits_until=tomorrow_ms, waits_for="newcomer")
    opened = window("阿等", "/healthz")
    opened.hold_clock()
    page = opened.page
    opened.go(f"/#/task/{code}")
    claim = page.locator("#claim")
    take = page.get_by_role("button", name="领取红包")
    expect(claim).to_contain_text("以后可以领取")
    expect(take).to_be_disabled()
    write_record(shared.data_dir, "prizes", f"{code}:1", waits_until=1)
    page.clock.fast_forward(DAY_MS)
    expect(take).to_be_enabled()
    expect(claim).not_to_contain_text("以后可以领取")
    later = {"status": 1, "error": "payout_waits", "msg": "要等一会儿", "claim_from": tomorrow_ms + DAY_MS}
    page.route("**/drawPrize", lambda route: route.fulfill(json=later), times=1)
    take.click()  # the details tell no wait of this kind
    expect(claim).to_contain_text("以后可以领取")
    expect(take).to_be_disabled()
    expect(page.locator(".claim")).to_be_focused()
    page.clock.fast_forward(DAY_MS)
    deny = {"what": "deny", "call": "confirm"}
    assert httpx.post(f"{publisher.address}/sandbox/misbehave", json=deny).status_code == 200
    take.click()
    expect(page.get_by_text("红包已到账。")).to_be_visible()
    opened.wrong.clear()  # Chromium logs the sandbox's answer
