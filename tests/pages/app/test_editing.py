"""A publisher changes a treasure's texts and picture, discards an unpaid treasure, and buries one again."""

from playwright.sync_api import expect

from support.browser import DESK, PHONE, Person
from support.client import a_picture


def test_a_treasure_is_changed_before_open_pages_and_buried_again_from_its_page(window, address, publisher):
    code = publisher.publish(
        a_picture(), name="一只闹钟", prize_num=3, forecast_num=33, interval=11, fluctuation=2, cd=7,
        not_sent_to="西藏", is_public=0,
    )
    visiting = window("阿强", f"/#/task/{code}", digs=False, viewport=DESK)
    visitor = visiting.page
    expect(visitor.locator(".watchers")).to_be_visible()
    opened = window("小明", f"/#/task/{code}", viewport=PHONE)
    page = opened.page
    page.get_by_role("link", name="改文字和图片").click()
    expect(page.get_by_label("物品名")).to_have_value("一只闹钟")
    page.get_by_label("物品名").fill(" ")
    page.get_by_role("button", name="改好了").click()
    expect(page.get_by_label("物品名")).to_be_focused()
    page.get_by_label("物品名").fill("两只旧闹钟")
    page.get_by_label("简介").fill("走得准")
    file = {"name": "钟.jpg", "mimeType": "image/jpeg", "buffer": a_picture(colour="navy")}
    page.set_input_files("#picture", file)
    assert opened.overflow() <= 0
    page.get_by_role("button", name="改好了").click()
    expect(page.get_by_role("heading", name="两只旧闹钟")).to_be_visible()
    expect(visitor.get_by_role("heading", name="两只旧闹钟")).to_be_visible()
    expect(visitor.get_by_text("走得准")).to_be_visible()
    expect(visitor.get_by_text("不寄到西藏")).to_be_visible()  # this was not changed
    Person.log_in(address, "阿强").post("/postTask", code=code)
    expect(page.get_by_role("link", name="改文字和图片")).to_be_hidden()
    page.get_by_role("link", name="再埋一个").click()
    for label, value in (
        ("物品名", "两只旧闹钟"),
        ("简介", "走得准"),
        ("奖品数量", "3"),
        ("预计挖多少锹", "33"),
        ("每隔多少层一份奖品", "11"),
        ("上下浮动多少层", "2"),
        ("每锹之后冷却几秒", "7"),
        ("不寄到哪里", "西藏"),
    ):
        expect(page.get_by_label(label)).to_have_value(value)
    expect(page.get_by_role("radio", name="只有拿到链接的人")).to_be_checked()
    page.get_by_role("radio", name="现场领取").check()
    page.get_by_label("领取地点").fill("门口")
    expect(page.get_by_label("不寄到哪里")).to_be_hidden()
    assert opened.overflow() <= 0
    page.get_by_role("button", name="埋下宝贝").click()  # with the same picture
    expect(page.get_by_role("heading", name="两只旧闹钟")).to_be_visible()
    expect(page.get_by_text("领取地点：门口")).to_be_visible()
    assert code not in page.url


def test_an_unpaid_packet_is_discarded_by_one_press(window, publisher):
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=100_000)
    page = window("小明", f"/#/task/{code}").page
    page.get_by_role("button", name="不要了").click()
    expect(page.locator(".ending")).to_have_text("发布者结束了这个宝贝")
    expect(page.get_by_role("button", name="支付 1 元")).to_be_hidden()
    expect(page.get_by_role("link", name="再埋一个")).to_be_visible()
