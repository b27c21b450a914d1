"""An operator logs somebody out, on a phone and on a desk."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from support.browser import PHONE, Person, needs_chromium
from support.client import a_picture
from support.screen import is_readable

pytestmark = needs_chromium


def error_of(person: Person) -> str:
    headers = {"Authorization": f"Bearer {person.token}"}
    reply = httpx.get(f"{person.address}/getMyInfo", params={"unionid": person.unionid}, headers=headers)
    return str(reply.json().get("error", ""))


def test_only_the_person_of_the_dig_is_logged_out_and_the_log_says_so(operator, running):
    publisher, digger = (Person.log_in(running.address, user) for user in ("阿丽", "大熊"))
    code = publisher.publish(a_picture(), forecast_num=1000)
    digger.post("/postTask", code=code)
    opened = operator(viewport=PHONE)
    opened.go(f"/ops#/task/{code}")
    row = opened.page.locator("li, tr", has_text="大熊").last
    row.locator("[data-act=signout]").click()
    dialog = opened.page.get_by_role("dialog")
    expect(dialog).to_contain_text("大熊\u2069」退出登录？")
    opened.page.keyboard.press("Escape")
    assert error_of(digger) == ""  # asking does nothing yet
    row.locator("[data-act=signout]").click()
    dialog.locator("#reason").fill("手机被人拿走了")
    is_readable(opened)
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_have_text("已退出登录，并写入操作记录。")
    assert (error_of(digger), error_of(publisher)) == ("bad_token", "")
    dialog.get_by_role("button", name="关闭").click()
    opened.go("/ops#/log")
    expect(opened.page.locator("main")).to_contain_text("手机被人拿走了")
    is_readable(opened)
    opened.go(f"/ops#/task/{code}")
    opened.page.locator("[data-act=signout]").first.click()
    expect(dialog).to_contain_text("阿丽\u2069」退出登录？")
    dialog.locator("#reason").fill("本人要求")
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_have_text("已退出登录，并写入操作记录。")
    assert error_of(publisher) == "bad_token"
