"""The client in a real browser: claims as the winner and the publisher see them, while they go on."""

import time
from pathlib import Path

from playwright.sync_api import expect

from support.browser import Person, write_record
from support.client import a_picture
from support.servers import until

DAY_MS = 86_400_000


def test_winners_and_their_claims_appear_by_themselves(window, publisher):
    code = publisher.publish(a_picture(), prize_num=5, interval=1, fluctuation=0)
    page = window("小明", f"/#/winners/{code}").page
    expect(page.get_by_text("还没有人挖到")).to_be_visible()
    winner = Person.log_in(publisher.address, "阿强")
    winner.post("/postTask", code=code)
    row = page.locator(".winners li", has_text="阿强")
    expect(row).to_contain_text("待填地址")
    winner.claim(code, receiver="强哥", phone="13800000000", address="深圳市科技园 1 号")
    expect(row).to_contain_text("深圳市科技园 1 号")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载表格").click()
    assert "深圳市科技园 1 号" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    other = window("朵朵", f"/#/winners/{code}")
    expect(other.page.get_by_text("只有发布者本人才能这样做")).to_be_visible()
    again = "再埋一个"
    expect(page.get_by_role("link", name=again)).to_be_visible()
    expect(other.page.get_by_role("link", name=again)).to_be_hidden()


def test_a_red_packet_can_be_taken_from_the_time_on_that_the_server_tells(window, publisher, shared):
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=1)
    publisher.pay(code, 1)
    winner = Person.log_in(publisher.address, "阿等")
    winner.post("/postTask", code=code)
    until(lambda: publisher.get("/getWinners", code=code)["data"])  # a prize is written just after its dig
    tomorrow_ms = int(time.time() * 1000) + DAY_MS
    write_record(shared.data_dir, "prizes", f"{code}:1", waits_until=tomorrow_ms, waits_for="newcomer")
    opened = window("阿等")
    opened.hold_clock()
    page = opened.page
    page.goto(f"{publisher.address}/#/task/{code}")
    claim = page.locator("#claim")
    take = page.get_by_role("button", name="领取红包")
    expect(claim).to_contain_text("以后可以领取")
    expect(take).to_be_disabled()
    page.clock.fast_forward(DAY_MS)
    expect(take).to_be_enabled()
    expect(claim).not_to_contain_text("以后可以领取")
    later = {"status": 1, "error": "payout_waits", "msg": "要等一会儿", "claim_from": tomorrow_ms + DAY_MS}
    page.route("**/drawPrize", lambda route: route.fulfill(json=later))
    take.click()  # the details tell no wait of this kind
    expect(claim).to_contain_text("以后可以领取")
    expect(take).to_be_disabled()
    expect(page.locator(".claim")).to_be_focused()
