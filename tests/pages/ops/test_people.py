"""A person's page, from which they are banned, and the queue of reports."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.browser import DESK, PHONE, Opener, Person, needs_chromium
from support.client import a_picture
from support.screen import is_readable
from support.servers import Running

pytestmark = needs_chromium


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_a_digger_is_banned_from_their_page_and_let_act_again(
    operator: Opener, running: Running, viewport: dict[str, int]
) -> None:
    publisher, digger = (Person.log_in(running.address, user) for user in ("阿丽", "大熊"))
    code = publisher.publish(a_picture(), forecast_num=1000)
    digger.post("/postTask", code=code)
    opened = operator(viewport=viewport)
    opened.go(f"/ops#/task/{code}")
    expect(opened.page.locator("img.picture")).to_have_js_property("complete", value=True)
    opened.page.locator(".digs a.name").click()
    heading = opened.page.locator(".heading")
    expect(heading).to_contain_text("可以使用")
    is_readable(opened)
    heading.locator("[data-act=ban]").click()
    dialog = opened.page.get_by_role("dialog")
    expect(dialog).to_contain_text("停用「\u2068大熊\u2069」？")
    dialog.locator("#days").select_option("7")
    dialog.locator("#reason").fill("用脚本挖宝")
    is_readable(opened)
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_have_text("已停用，并写入操作记录。")
    dialog.get_by_role("button", name="关闭").click()
    expect(heading).to_contain_text("已停用")
    expect(opened.page.locator("main")).to_contain_text("用脚本挖宝")
    heading.locator("[data-act=unban]").click()
    dialog.locator("#reason").fill("已核实")
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_have_text("已解除，并写入操作记录。")
    dialog.get_by_role("button", name="关闭").click()
    expect(heading).to_contain_text("可以使用")


def test_an_empty_queue_of_reports_says_so(operator: Opener) -> None:
    opened = operator()
    opened.go("/ops#/reports")
    expect(opened.page.locator("main")).to_contain_text("没有等你处理的举报")
    is_readable(opened)
