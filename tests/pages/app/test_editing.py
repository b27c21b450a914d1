"""A publisher changes a treasure's texts and picture, discards an unpaid treasure, and buries one again."""

from playwright.sync_api import expect

from support.browser import DESK, PHONE, Person
from support.client import a_picture

RULES = {"prize_num": 3, "forecast_num": 33, "interval": 11, "fluctuation": 2, "cd": 7}
LABELS = ("奖品数量", "预计挖多少锹", "每隔多少层一份奖品", "上下浮动多少层", "每锹之后冷却几秒")


def test_a_treasure_is_changed_before_open_pages_and_buried_again_from_its_page(window, address, publisher):
    code = publisher.publish(a_picture(), name="一只闹钟", not_sent_to="西藏", is_public=0, **RULES)
    visitor = window("阿强", f"/#/task/{code}", digs=False, viewport=DESK).page
    expect(visitor.locator(".watchers")).to_be_visible()
    opened = window("小明", f"/#/task/{code}", viewport=PHONE)
    page = opened.page
    named = page.get_by_label("物品名")
    page.get_by_role("link", name="改文字和图片").click()
    expect(named).to_have_value("一只闹钟")
    named.fill(" ")
    page.get_by_role("button", name="改好了").click()
    expect(named).to_be_focused()
    named.fill("两只旧闹钟")
    page.get_by_label("简介").fill("走得准")
    file = {"name": "钟.jpg", "mimeType": "image/jpeg", "buffer": a_picture(colour="navy")}
    page.set_input_files("#picture", file)
    assert opened.overflow() <= 0
    page.get_by_role("button", name="改好了").click()
    for each in (page, visitor):
        expect(each.get_by_role("heading", name="两只旧闹钟")).to_be_visible()
    expect(visitor.get_by_text("走得准")).to_be_visible()
    expect(visitor.get_by_text("不寄到西藏")).to_be_visible()  # this was not changed
    Person.log_in(address, "阿强").post("/postTask", code=code)
    expect(page.get_by_role("link", name="改文字和图片")).to_be_hidden()
    page.get_by_role("link", name="再埋一个").click()
    buried = {"物品名": "两只旧闹钟", "简介": "走得准", "不寄到哪里": "西藏"}
    buried |= zip(LABELS, map(str, RULES.values()), strict=True)
    for label, value in buried.items():
        expect(page.get_by_label(label)).to_have_value(value)
    expect(page.get_by_role("radio", name="只有拿到链接的人")).to_be_checked()
    page.get_by_role("radio", name="现场领取").check()
    page.get_by_label("领取地点").fill("门口")
    expect(page.get_by_label("不寄到哪里")).to_be_hidden()
    assert opened.overflow() <= 0
    page.get_by_role("button", name="埋下宝贝").click()  # with the same picture
    expect(page.get_by_text("领取地点：门口")).to_be_visible()
    assert code not in page.url
    unpaid = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=100_000)
    opened.go(f"/#/task/{unpaid}")
    page.get_by_role("button", name="不要了").click()
    expect(page.locator(".ending")).to_have_text("发布者结束了这个宝贝")
    expect(page.get_by_role("button", name="支付 1 元")).to_be_hidden()
