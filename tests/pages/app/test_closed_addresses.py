"""While reports hide a treasure, its publisher sees no addresses and cannot end it."""

from playwright.sync_api import expect

from support.browser import PHONE, Person, write_record
from support.client import a_picture

REPORTERS = 5


def test_reports_close_the_addresses_of_a_treasure_that_its_publisher_cannot_end(
    window, address, publisher, shared
):
    code = publisher.publish(a_picture(), name="银镯", prize_num=10, interval=1, fluctuation=0)
    winners = [Person.log_in(address, f"第{number}位") for number in range(REPORTERS)]
    for winner in winners:
        winner.post("/postTask", code=code)
    for number in (1, 2):
        where = {"receiver": "王朵朵", "phone": f"1380000{number:04}", "address": f"杭州市文三路 {number} 号"}
        winners[number].claim(code, **where)
    opened = window("小明", f"/#/winners/{code}", viewport=PHONE)
    page = opened.page
    addresses = page.get_by_text("文三路")
    expect(addresses).to_have_count(2)
    assert opened.overflow() <= 0
    for reporter in winners:
        write_record(shared.data_dir, "people", reporter.id, created_at=1)  # not those of newcomers
        reporter.post("/report", code=code, reason="fraud")
    page.reload()
    closed = page.get_by_text("有多人举报，这期间看不到收货地址")
    expect(closed).to_be_visible()
    expect(addresses).to_have_count(0)
    assert opened.overflow() <= 0
    page.get_by_role("button", name="下载表格").click()
    expect(closed).to_have_count(2)

    opened.go(f"/#/task/{code}")
    expect(page.locator(".review")).to_contain_text("最多 24 小时后恢复显示")
    assert opened.overflow() <= 0
    expect(page.get_by_role("button", name="提前结束")).to_have_count(0)
