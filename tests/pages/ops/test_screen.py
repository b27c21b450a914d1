"""The operator's screen in a real browser."""

import re

from playwright.sync_api import expect

from support.browser import PHONE, Person, write_record
from support.screen import ALARM_MS, IN_ORDER, TOKEN, a_red_packet, chart, enter


def test_only_the_token_logs_in(window):
    opened = window()
    enter(opened, "值班员", "a guess")
    expect(opened.page.get_by_role("alert").get_by_text("口令不对")).to_be_visible()
    expect(opened.page.locator(".screen")).to_have_count(0)
    enter(opened, "值班员", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    reloaded = opened.page.reload()
    assert reloaded is not None
    assert "img-src 'self' data:;" in reloaded.headers["content-security-policy"]
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    other = opened.context.new_page()
    other.goto(f"{opened.address}/ops")
    expect(other.locator(".status.fresh")).to_be_visible()
    opened.page.route("**/ops/logout", lambda route: route.abort())
    opened.page.get_by_role("button", name="退出").click()
    expect(opened.page.locator("form.login")).to_contain_text("可能还没有退出")
    opened.page.unroute_all()
    opened.wrong.clear()  # Chromium logs the aborted requests
    opened.page.reload()
    opened.page.get_by_role("button", name="退出").click()
    expect(opened.page.locator("form.login")).to_be_visible()
    opened.page.reload()
    expect(opened.page.locator("form.login")).to_be_visible()
    expect(other.locator("form.login")).to_contain_text("登录已过期", timeout=ALARM_MS)


def test_a_name_that_turns_the_direction_of_text_turns_none_of_ours(operator, running, publisher, data_dir):
    turned = "\u2069\u2067\u202e猫"  # ends an isolate, begins another, and reverses the text after it
    code = publisher.publish(forecast_num=1)
    asked = {"name": "红包", "prize_num": 3, "interval": 1, "fluctuation": 0}
    packet = str(publisher.post("/postTask", goods_type=1, money=8, forecast_num=3, cd=0, **asked)["code"])
    digger = Person.log_in(running.address, "阿花")
    write_record(data_dir, "people", digger.id, nickName=turned)
    for task in (code, packet):
        write_record(data_dir, "tasks", task, name=turned, wxname=turned)
    opened = operator()
    digger.post("/postTask", code=code)
    line = opened.page.locator(".stream li", has=opened.page.locator(f"[data-code='{code}']"))
    expect(line).to_contain_text("挖到了")
    for words in (" 在第 1 层挖到了！", "结束：奖品挖完"):
        assert line.evaluate(IN_ORDER, words) is True
    opened.go(f"/ops#/search/{packet}")
    assert opened.page.locator(".task .by").evaluate(IN_ORDER, "红包共 ¥24.00") is True


def test_the_charts_are_full_from_the_first_moment_and_show_their_values_at_any_second(operator):
    opened = operator(timezone_id="Asia/Shanghai")
    names = opened.page.locator(".chart").evaluate_all("all => all.map(one => one.dataset.chart)")
    assert len(names) == 16
    watchers = chart(opened, "watchers")
    expect(watchers.locator("b")).to_have_text("0")  # now nobody watches
    watchers.locator(".plot").focus()
    for _ in range(40):  # the cursor stops at the chart's end
        opened.page.keyboard.press("PageUp")
    expect(watchers.locator("b")).to_have_text(re.compile(r"^[1-4]\d\d$"))
    expect(chart(opened, "deliveries").locator("b")).to_have_text(re.compile(r"^\d{2,3}$"))
    assert watchers.locator(".cursor").evaluate("mark => mark.getBoundingClientRect().left") > 0
    opened.page.keyboard.press("Escape")
    expect(watchers.locator("b")).to_have_text("0")


def test_digs_wins_endings_depth_and_countdown_are_live(operator, running, publisher):
    opened = operator()
    won = publisher.publish(name="看得见的猫", forecast_num=1)
    Person.log_in(running.address, "阿亮").post("/postTask", code=won)
    line = opened.page.locator(".stream li.won", has_text="阿亮")
    expect(line).to_contain_text("在第 1 层挖到了！ · 结束：奖品挖完")
    expect(line.get_by_role("link", name="看得见的猫")).to_be_visible()
    expect(opened.page.locator(f".tasks [data-code='{won}']")).to_contain_text("奖品余 0/1")
    code = publisher.publish(cd=600)
    Person.log_in(running.address, "阿强").post("/postTask", code=code)
    row = opened.page.locator(f".tasks-panel [data-code='{code}']")
    expect(row.locator(".depth")).to_have_text("1 / 4,320")
    state = row.locator(".state")
    expect(state).to_have_text(re.compile(r"^9:\d\d$"))
    earlier = state.inner_text()
    expect(state).not_to_have_text(earlier)
    assert state.inner_text() < earlier


def test_an_operator_ends_a_task_and_the_open_page_shows_why(operator, window, publisher):
    code = publisher.publish(name="要结束的猫", forecast_num=40_000, cd=60)
    visitor = window(f"/#/task/{code}", viewport=PHONE)
    visitor.log_in("朵朵")
    expect(visitor.page.get_by_text("规则、承诺和随机数")).to_be_visible()
    opened = operator()
    search = opened.page.get_by_role("searchbox")
    search.fill("%E0%A4%A")  # taken literally
    search.press("Enter")
    expect(opened.page.get_by_role("heading", name="搜索：\u2068%E0%A4%A\u2069")).to_be_visible()
    expect(opened.page.locator("#page")).to_be_focused()
    search.fill(code)
    search.press("Enter")
    opened.page.locator(".page-list").get_by_role("link", name="要结束的猫").click()
    opened.page.get_by_role("button", name="结束", exact=True).click()
    dialog = opened.page.get_by_role("dialog", name="结束「\u2068要结束的猫\u2069」？")
    dialog.get_by_role("button", name="取消").click()
    expect(dialog).to_have_count(0)
    expect(visitor.page.get_by_role("button", name="秒后大家可挖")).to_be_visible()
    opened.page.get_by_role("button", name="结束", exact=True).click()
    dialog.get_by_label("理由").fill("图片违规")
    dialog.get_by_role("button", name="确认结束").click()
    expect(dialog.get_by_text("已结束，并写入操作记录。")).to_be_visible()
    expect(visitor.page.get_by_text("图片违规")).to_be_visible()
    dialog.get_by_role("button", name="关闭").click()
    expect(opened.page.get_by_text("图片违规")).to_be_visible()
    expect(opened.page.get_by_role("button", name="结束", exact=True)).to_have_count(0)
    opened.page.get_by_role("link", name="操作记录").click()
    expect(opened.page.locator(".log li").first).to_contain_text(
        "\u2068值班员\u2069共用口令结束\u2068要结束的猫\u2069图片违规"
    )


def test_an_operator_reads_why_a_treasure_cannot_be_dug_or_an_act_is_refused(operator, publisher, data_dir):
    code = publisher.publish(name="还不能挖的猫")
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    state = opened.page.locator(".heading .state")
    expect(state).to_have_text("可以挖")
    for changed, text in (
        ({"review": "checking", "open": 0}, "检查中"),
        ({"review": "shown", "hidden": 1, "open": 1, "reported": 1}, "有举报待处理"),
        ({"hidden": 0, "open": 0, "reported": 0}, "未支付"),
    ):
        write_record(data_dir, "tasks", code, **changed)
        expect(state).to_have_text(text)
    opened.page.get_by_role("button", name="结束", exact=True).click()
    publisher.post("/endTask", code=code)
    opened.page.get_by_label("理由").fill("太晚了")
    confirm = opened.page.get_by_role("button", name="确认结束")
    confirm.click()
    expect(opened.page.get_by_role("dialog").get_by_text("它已经结束了")).to_be_visible()
    expect(confirm).to_be_enabled()
    opened.go("/ops#/log")
    expect(opened.page.locator(".log li").first).to_contain_text("太晚了没有执行：已结束")
    expect(opened.page.get_by_role("dialog")).to_have_count(0)


def test_a_tasks_money_is_shown_and_what_may_yet_pay_is_not_voided(operator, running, publisher, data_dir):
    code, winner = a_red_packet(publisher, running.address)
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    for name, sum_ in (("收到", "¥24.00"), ("代管", "¥24.00"), ("其中欠中奖者", "¥8.00")):
        expect(opened.page.locator(".numbers div", has_text=name).locator("dd").first).to_have_text(sum_)
    expect(opened.page.locator(".payments")).to_contain_text("已开挖")
    expect(opened.page.get_by_text("账目相符")).to_be_visible()
    winner.claim(code)
    bill = opened.page.locator(".payments li", has_text="转账")
    expect(bill).to_contain_text("¥8.00")
    expect(bill).to_contain_text("等用户确认")
    write_record(data_dir, "bills", bill.locator("code").inner_text(), alarm="CONTRADICTION")
    bill.get_by_role("button", name="放行").click()
    dialog = opened.page.get_by_role("dialog")
    expect(dialog).to_contain_text("换一个新单号来付")
    dialog.get_by_label("理由").fill("查过了")
    dialog.get_by_role("button", name="确认放行").click()
    expect(dialog).to_contain_text("没有作废")  # WeChat, asked once more, still waits for this winner
    expect(bill).to_contain_text("等用户确认")
