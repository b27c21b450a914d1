"""Logging in and out, and deleting your account."""

import re

from playwright.sync_api import Route, expect

from support.browser import MARKUP, PHONE, Person


def test_no_address_opens_a_page_before_the_login_which_opens_what_was_asked_for(window, publisher):
    someone = window()
    page = someone.page
    name = page.get_by_label("你是谁")
    code = page.get_by_alt_text("小程序码")
    for link, said in (("用户协议", MARKUP), ("隐私政策", "第一条"), ("联系客服", "微信 wabao-help")):
        page.get_by_role("button", name=link).click()
        expect(page.get_by_role("dialog", name=link)).to_contain_text(said)
        page.get_by_role("button", name="关闭").click()
    assert page.locator("#forged").count() == 0

    def as_with_wechat(route: Route) -> None:
        reply = route.fetch()
        body = reply.text().replace('data-login="sandbox"', 'data-login="wechat"')
        route.fulfill(response=reply, body=body)

    page.route(f"{someone.address}/", as_with_wechat)
    page.reload()
    for form in (code, name):
        expect(form).to_be_visible()
        page.locator(".brand").click()
        page.wait_for_url("**/#/")
        expect(form).to_be_visible()
        page.unroute(f"{someone.address}/")
        page.reload()
    page.get_by_role("button", name="进入").click()  # who gives no name has one
    page.locator("#nav").get_by_role("link", name="我的").click()
    expect(page.locator(".me h1")).to_have_text(re.compile("的"))
    expect(page.locator(".me img")).to_have_attribute("src", re.compile("^data:image/svg"))
    someone.log_out()
    expect(name).to_be_visible()
    page.go_back()
    expect(name).to_be_visible()
    page.evaluate("location.hash = '#/publish'")
    someone.log_in("阿强")
    expect(page.get_by_role("heading", name="埋下一个宝贝")).to_be_visible()
    page.evaluate("""() => {
        const person = JSON.parse(sessionStorage.getItem("wabao.person"));
        sessionStorage.setItem("wabao.person", JSON.stringify({...person, token: "x"}));
    }""")
    someone.go(f"/?code={publisher.publish(name='登录之后的猫')}")
    someone.log_in("阿强")
    expect(page.get_by_role("heading", name="登录之后的猫")).to_be_visible()


def test_a_logout_ends_a_persons_sessions_everywhere_and_an_account_is_deleted_and_kept(window, address):
    opened = window("朵朵", "/#/mine", viewport=PHONE)
    other = window("阿强", "/#/mine")
    old = Person.log_in(address, "朵朵")
    page = opened.page
    form = page.get_by_label("你是谁")
    with page.expect_response("**/logout") as told:
        opened.log_out()
    assert told.value.json()["status"] == 0
    expect(form).to_be_visible()
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").count(old.unionid) == 0
    assert old.send("GET", "/getMyInfo", params={"unionid": old.unionid}).json()["error"] == "bad_token"
    page.reload()
    expect(form).to_be_visible()
    opened.log_in("朵朵")
    other.page.reload()
    expect(other.page.get_by_role("heading", name="阿强")).to_be_visible()
    page.get_by_role("link", name="我的").click()
    asked: list[Route] = []
    page.route("**/logout", lambda route: asked.append(route))
    opened.log_out()
    expect(form).to_be_visible()  # even while the server is silent
    asked[0].abort()
    page.reload()
    expect(form).to_be_visible()
    opened.log_in("朵朵")
    opened.go("/#/mine")
    leave = page.get_by_role("button", name="注销账号", exact=True)
    leave.click()
    asking = page.get_by_role("dialog", name="注销账号")
    expect(asking).to_contain_text("有七天可以反悔")
    asking.get_by_role("button", name="注销账号").click()
    expect(form).to_be_visible()
    opened.log_in("朵朵")
    expect(page.locator("#notices")).to_contain_text("以后删除")
    opened.go("/#/mine")
    expect(page.locator("section.panel", has_text="以后删除")).to_be_visible()
    expect(leave).to_be_hidden()
    page.get_by_role("button", name="撤销注销").click()
    expect(leave).to_be_visible()
    # Chromium logs the aborted requests.
    assert [wrong for wrong in opened.wrong if "net::ERR_FAILED" not in wrong] == []
    opened.wrong.clear()
