"""Several kinds of prizes in one treasure, from the form to the claim and the check of the draw.

The check is made in the browser and, of the file that it saves, by the command line.
"""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from server.__main__ import main
from support.browser import PHONE, Person, choose_picture, show_all_fields
from support.client import a_picture


def kind(page: Page, place: int, name: str, what: str, number: str) -> None:
    """Fill in a row of the form."""
    row = page.get_by_role("group", name=f"第 {place} 种")
    row.get_by_label("名称").fill(name)
    row.get_by_label("是什么").select_option(what)
    row.get_by_label("几份").fill(number)


def test_goods_and_a_shared_sum_are_published_won_claimed_and_verified(window, address):
    opened = window("埋宝人", "/#/publish", viewport=PHONE)
    page = opened.page
    show_all_fields(page)
    page.get_by_role("radio", name="几种、拼手气").check()
    page.get_by_label("物品名").fill("什么都有的箱子")
    kind(page, 1, "一等奖 小熊猫", "实物", "1")
    kind(page, 2, "拼手气", "拼手气", "3")
    shared = page.get_by_label("一起分多少元")
    shared.fill("0.29")
    page.get_by_label("每锹之后冷却几秒").fill("0")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(shared).to_be_focused()
    expect(page.get_by_text("“一起分多少元”应为 0.30 到 200，最多两位小数")).to_be_visible()
    shared.fill("0.35")
    for label, number in {"预计挖多少锹": "4", "每隔多少层一份奖品": "1", "上下浮动多少层": "0"}.items():
        page.get_by_label(label).fill(number)
    expect(page.locator(".summary")).to_contain_text("要支付 0.35 元")
    assert opened.overflow() <= 0
    page.reload()  # the form keeps the rows of kinds, too
    expect(page.get_by_role("group", name="第 2 种").get_by_label("名称")).to_have_value("拼手气")
    for choice, colour in (("#picture", "orange"), ("#kind-1-picture", "navy")):
        choose_picture(page, a_picture(colour=colour), choice)
    page.get_by_role("button", name="埋下宝贝").click()
    asked = page.get_by_role("dialog", name="就这样埋下？")
    expect(asked).to_contain_text("每一锹都中，几分钟就挖完了")
    asked.get_by_role("button", name="埋下", exact=True).click()
    expect(page.get_by_role("heading", name="这个宝贝")).to_be_visible()
    page.get_by_role("link", name="改文字和图片").click()
    named = page.get_by_role("group", name="第 1 种").get_by_label("名称")
    expect(named).to_have_value("一等奖 小熊猫")
    named.fill("一等奖 大熊猫")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".ranks li")).to_have_text(
        ["一等奖 大熊猫邮寄到家剩 1 / 1 份", "拼手气拼手气，一起分 0.35 元剩 3 / 3 份"]
    )
    expect(page.locator(".ranks li").first.locator("img")).to_have_js_property("naturalWidth", 64)
    code = urlsplit(page.url).fragment.rpartition("/")[2]

    winner = window("阿强", "/healthz", viewport=PHONE)
    winner.go(f"/#/task/{code}")
    dialog = winner.page.get_by_role("dialog", name="恭喜，你挖到了！")
    expect(dialog).to_be_visible()
    won = Person.log_in(address, "阿强").get("/getTaskDetails", code=code)
    sum_won = f"0.{won['money_fen']} 元"
    what = "一等奖 大熊猫" if won["rank"] == 1 else f"拼手气，{sum_won}"
    expect(page.get_by_text(f"阿强 挖到了：{what}")).to_be_visible()
    left = 0 if won["rank"] == 1 else 2
    dug = page.locator(".ranks li", has_text="大熊猫" if won["rank"] == 1 else "一起分")
    expect(dug).to_contain_text(f"剩 {left} / ")
    expect(dialog.locator(".prize-name")).to_have_text(what.removeprefix("拼手气，"))
    dialog.get_by_role("button", name="去领取").click()
    claim = winner.page.locator("#claim")
    expect(claim).to_contain_text("填写收货地址" if won["rank"] == 1 else f"{sum_won}红包")
    assert winner.overflow() <= 0
    for name in ("第二个", "第三个", "第四个"):
        Person.log_in(address, name).post("/postTask", code=code)
    page.get_by_role("button", name="验证这次抽奖").click()
    expect(page.locator(".verdict")).to_have_text("验证通过：全部相符")
    expect(page.get_by_text("与你在结束之前看到的承诺一致")).to_be_visible()
    expect(page.get_by_text("每份是什么，也由它们算出")).to_be_visible()
    expect(page.get_by_text("两半随机数就是你发布时的那两半")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="保存验证文件").click()
    assert main(["verify", str(saved.value.path()), "--commitment", won["commitment"]]) == 0
    page.get_by_role("link", name="中奖者和发奖").click()
    expect(page.locator(".winners li")).to_have_count(4)
    expect(page.locator(".winners")).to_contain_text("一等奖 大熊猫 · 待填地址")
    assert opened.overflow() <= 0
