"""A person's page, from which they are banned or logged out, the queue of reports, and who paid whom."""

import re
import time

from playwright.sync_api import Route, expect

from support.browser import PHONE, Person, Window, write_record
from support.servers import until


def confirm(opened: Window, reason: str, said: str) -> None:
    """Give a reason for an act, confirm the act, and close the message about it."""
    dialog = opened.page.get_by_role("dialog")
    dialog.locator("#reason").fill(reason)
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_contain_text(said)
    dialog.get_by_role("button", name="关闭").click()


def test_a_digger_is_banned_from_their_page_and_let_act_again(operator, running):
    publisher, digger = (Person.log_in(running.address, user) for user in ("阿丽", "大熊"))
    code = publisher.publish(forecast_num=1000)
    digger.post("/postTask", code=code)
    opened = operator(viewport=PHONE)
    opened.go(f"/ops#/task/{code}")
    expect(opened.page.locator("img.picture")).to_have_js_property("complete", value=True)
    opened.page.locator(".digs a.name").click()
    heading = opened.page.locator(".heading")
    expect(heading).to_contain_text("可以使用")
    heading.locator("[data-act=ban]").click()
    dialog = opened.page.get_by_role("dialog")
    expect(dialog).to_contain_text("停用「\u2068大熊\u2069」？")
    dialog.locator("#days").select_option("7")
    confirm(opened, "用脚本挖宝", "已停用，并写入操作记录。")
    expect(heading).to_contain_text("已停用")
    until = re.compile(r" 停用，到 \d\d/\d\d \d\d:\d\d 为止：用脚本挖宝")
    expect(opened.page.locator("main")).to_contain_text(until)
    expect(opened.page.locator("main")).to_contain_text("没有发布过宝贝")
    heading.locator("[data-act=freeze]").click()
    expect(dialog).to_contain_text("冻结「\u2068大熊\u2069」的奖品？")
    expect(dialog).to_contain_text("别人从这个人的宝贝里挖到的，都算在内")
    confirm(opened, "用脚本挖宝", "已冻结")
    opened.go("/ops#/payouts")
    expect(opened.page.locator(".payouts li", has_text="人")).to_be_visible()
    opened.page.locator("[data-act=export_prizes]").click()
    dialog.locator("#month").fill("2026-11")
    dialog.locator("#reason").fill("报税")
    with opened.page.expect_download() as kept:
        dialog.locator("button[type=submit]").click()
    assert kept.value.suggested_filename == "winners-2026-11.csv"
    assert "价值（元）" in kept.value.path().read_text(encoding="utf-8")
    expect(dialog.get_by_role("status")).to_have_text("已经下载，并写入操作记录。")
    dialog.get_by_role("button", name="关闭").click()
    opened.go(f"/ops#/person/{code}/1")
    heading.locator("[data-act=unban]").click()
    confirm(opened, "已核实", "已解除，并写入操作记录。")
    expect(heading).to_contain_text("可以使用")
    opened.go("/ops#/log")
    expect(opened.page.locator(".log > li").first).to_contain_text("解除")


def test_who_reported_and_who_brought_them_are_two_clicks_away(operator, running, data_dir):
    publisher, sharer, reporter = (Person.log_in(running.address, user) for user in ("阿丽", "小芳", "三熊"))
    dug = publisher.publish(forecast_num=1000, name="一只名猫")
    code = publisher.publish()
    share = sharer.get("/getTaskDetails", code=dug)["share"]
    reporter.get("/getTaskDetails", code=share)
    reporter.post("/postTask", code=dug)
    write_record(data_dir, "people", reporter.id, created_at=1)
    reporter.post("/report", code=code, reason="fraud", text="一直不发货，也不回复")
    now = int(time.time() * 1000)
    write_record(data_dir, "tasks", code, hidden=1, reported=1, reported_at=now)
    opened = operator(viewport=PHONE)
    expect(opened.page.locator(".hidden-now .task")).to_contain_text("有举报待处理")
    opened.page.get_by_role("link", name="举报 1").click()
    line = opened.page.locator(".reported", has=opened.page.locator(f"a[href='#/task/{code}']"))
    expect(line).to_contain_text("一直不发货，也不回复")
    line.get_by_role("link", name="三熊").click()
    expect(opened.page.locator("h1")).to_contain_text("三熊")
    expect(opened.page.locator(".brought")).to_contain_text("从谁的分享来")
    expect(opened.page.locator(".brought")).to_contain_text("一只名猫")
    opened.page.locator(".brought a.name").first.click()
    expect(opened.page.locator("h1")).to_contain_text("小芳")
    opened.page.locator(".heading [data-act=signout]").click()
    confirm(opened, "拉人刷单", "写入操作记录")
    opened.go("/ops#/reports")
    expect(line).to_contain_text("隐藏一天后自动恢复")
    expect(line.locator("[data-act=feature]")).to_have_count(0)
    line.locator("[data-act=hide]").click()
    expect(opened.page.get_by_role("dialog")).to_contain_text("它不会再自动恢复")
    confirm(opened, "确实不发货", "已下架，并写入操作记录。")
    expect(line).to_have_count(0)
    assert publisher.get("/getTaskDetails", code=code)["review"] == "hidden"
    expect(opened.page.locator("main")).to_contain_text("没有等你处理的举报")


def test_a_person_is_searched_and_their_timeline_leads_to_their_prize(operator, running):
    publisher, digger = (Person.log_in(running.address, user) for user in ("阿丽", "挖宝的大熊"))
    code = publisher.publish(forecast_num=1, name="一台机械键盘")
    digger.post("/postTask", code=code)
    opened = operator(viewport=PHONE)
    opened.go("/ops#/search/%E7%9A%84%E5%A4%A7%E7%86%8A")
    expect(opened.page.locator(".found a.name", has_text="挖宝的大熊").first).to_be_visible()
    expect(opened.page.locator("main")).not_to_contain_text("没有找到", use_inner_text=True)
    opened.page.locator(".found a.name", has_text="挖宝的大熊").first.click()
    events = opened.page.locator(".timeline li")
    expect(events.filter(has_text="挖到").first).to_contain_text("待领")
    events.filter(has_text="挖到").first.get_by_role("link").click()
    expect(opened.page.locator("h1")).to_have_text("\u2068一台机械键盘\u2069 · 第 1 层")
    opened.page.locator(".timeline a", has_text="挖宝的大熊").first.click()
    expect(opened.page.locator("h1")).to_contain_text("挖宝的大熊")
    publisher.publish(name="明年的键盘", starts_at=int(time.time() * 1000) + 86_400_000)
    opened.go(f"/ops#/person/{code}/0")
    expect(events.filter(has_text="明年的键盘").first).to_contain_text("预定开挖")
    opened.go(f"/ops#/task/{code}")
    expect(opened.page.locator(".timeline-panel")).to_contain_text("记录前后一致")


def test_who_paid_whom_is_a_click_away_from_what_is_held(operator, window, running, data_dir):
    one, two = [Person.log_in(running.address, f"甲{number}") for number in "一二"]
    for person in (one, two):
        write_record(data_dir, "people", person.id, created_at=1)
    packet = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 1, "cd": 0}
    held = one.post("/postTask", money=11, **packet)["code"]
    one.pay(held, 11)
    until(lambda: two.get("/getTaskDetails", code=held)["why"] == "")
    two.post("/postTask", code=held)
    assert two.error_of("/drawPrize", code=held) == "payout_held"
    winner = window(f"/#/task/{held}", viewport=PHONE)
    winner.log_in("甲二")
    claim = winner.page.locator(".claim")
    expect(claim).to_contain_text("这个红包正在人工核对，核对后就能领取，不会丢失。")
    expect(claim).not_to_contain_text("之前领取")
    opened = operator(viewport=PHONE)
    opened.go("/ops#/payouts")
    row = opened.page.locator(".payouts li", has=opened.page.locator(f"a[href='#/task/{held}']"))
    row.get_by_role("link", name="谁付给了谁").click()
    page = opened.page.locator("main")
    expect(page.locator(".paid")).to_contain_text("甲一")
    expect(page.locator(".paid")).to_contain_text("甲二")
    assert not any(person.unionid in opened.page.content() for person in (one, two))
    page.get_by_role("link", name="甲一").click()
    expect(page.locator("h1")).to_contain_text("甲一")
    page.locator("[data-act=trust]").click()
    confirm(opened, "认识的商家", "已信任，并写入操作记录。")
    expect(page).to_contain_text("一天发出的红包不限")


def test_nothing_is_offered_that_needs_another_role_and_what_is_not_checked_is_told(operator):
    opened = operator()

    def may_look(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "role": "look", "off": ["messages", "checks"]})

    opened.page.route("**/ops/me?", may_look)
    opened.page.reload()
    expect(opened.page.get_by_text("没人检查过的文字和图片都直接展示")).to_be_visible()
    main = opened.page.locator("main")
    opened.go("/ops#/payouts")
    expect(main).to_contain_text("正在冻结")
    expect(main).not_to_contain_text("报税")
    expect(main.get_by_role("button")).to_have_count(0)
