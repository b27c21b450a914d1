"""While reports hide a treasure, its publisher sees no addresses and cannot end it."""

import pytest
from playwright.sync_api import expect

from support.browser import PHONE, Person, write_record
from support.client import a_picture
from support.servers import Running

WON = 3


@pytest.fixture(scope="module")
def address(strict: Running) -> str:
    return strict.address


@pytest.fixture
def code(address: str, publisher: Person) -> str:
    """Goods by mail with three won prizes that have an address, and one prize left."""
    code = publisher.publish(a_picture(), name="银镯", prize_num=WON + 2, interval=1, fluctuation=0)
    for k in range(1, WON + 1):
        winner = Person.log_in(address, f"第{k}位")
        winner.post("/postTask", code=code)
        where = {"receiver": "王朵朵", "phone": f"1380000{k:04}", "address": f"杭州市文三路 {k} 号"}
        winner.claim(code, **where)
    return code


def test_reports_close_the_addresses_of_a_treasure_that_its_publisher_cannot_end(window, strict, code):
    opened = window("小明", path="/", viewport=PHONE)
    opened.go(f"/#/winners/{code}")
    page = opened.page
    rows = page.locator(".winners li")
    expect(rows).to_have_count(WON)
    expect(page.get_by_text("文三路")).to_have_count(WON)
    assert opened.overflow() <= 0
    rows.first.get_by_label("快递公司").select_option("顺丰")
    number = rows.first.get_by_label("运单号")
    number.fill("SF12345678")
    assert number.bounding_box()["width"] >= 160  # wide enough for a parcel's number
    rows.first.get_by_role("button", name="已寄出").click()
    expect(rows.first).to_contain_text("SF12345678")

    reporter = Person.log_in(strict.address, "第1位")
    write_record(strict.data_dir, "people", reporter.id, created_at=1)
    reporter.post("/report", code=code, reason="fraud")
    page.reload()
    expect(page.get_by_text("有多人举报，这期间看不到收货地址")).to_be_visible()
    expect(page.get_by_text("文三路")).to_have_count(0)
    assert opened.overflow() <= 0
    page.get_by_role("button", name="下载表格").click()
    expect(page.get_by_text("有多人举报，这期间看不到收货地址")).to_have_count(2)

    opened.go(f"/#/task/{code}")
    expect(page.locator(".review")).to_contain_text("最多 24 小时后恢复显示")
    assert opened.overflow() <= 0
    expect(page.get_by_role("button", name="提前结束")).to_have_count(0)
