"""Logging out, deleting your account, and the mark beside a signature; on a phone and on a desktop."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from support.browser import PHONE, Person
from support.client import a_picture


def test_a_logout_ends_the_sessions_on_all_devices(window, address):
    here = window("朵朵", "/#/mine", viewport=PHONE)
    there = window("朵朵", "/#/mine")
    old = Person.log_in(address, "朵朵")
    button = here.page.get_by_role("button", name="退出登录")
    expect(button).to_be_visible()
    assert here.overflow() <= 0
    with here.page.expect_response("**/logout") as told:
        button.focus()
        here.page.keyboard.press("Enter")
    assert told.value.json()["status"] == 0
    expect(here.page.get_by_label("你是谁")).to_be_visible()
    assert here.page.evaluate("JSON.stringify([localStorage, sessionStorage])").count(old.unionid) == 0
    assert old.send("GET", "/getMyInfo", params={"unionid": old.unionid}).json()["error"] == "bad_token"
    there.page.reload()
    expect(there.page.get_by_label("你是谁")).to_be_visible()
    here.page.reload()
    expect(here.page.get_by_label("你是谁")).to_be_visible()
    here.log_in("朵朵")  # and logs in again
    expect(here.page.get_by_role("button", name="退出登录")).to_be_visible()


def test_a_logout_while_the_server_is_silent_ends_the_session_here(window):
    opened = window("朵朵", "/#/mine")
    asked: list[Route] = []
    opened.page.route("**/logout", lambda route: asked.append(route))
    opened.log_out()
    expect(opened.page.get_by_label("你是谁")).to_be_visible()
    asked[0].abort()
    opened.page.reload()
    expect(opened.page.get_by_label("你是谁")).to_be_visible()
    # Chromium logs the aborted requests.
    assert [wrong for wrong in opened.wrong if "net::ERR_FAILED" not in wrong] == []
    opened.wrong.clear()


def test_somebody_deletes_their_account_reads_what_stops_it_and_keeps_it_after_all(window, address):
    user = "阿注"
    owner = Person.log_in(address, user)
    code = owner.publish(a_picture(), name="自己的猫")
    sent = owner.publish(a_picture(), name="自己的狗", forecast_num=1)
    winner = Person.log_in(address, "阿养")
    winner.post("/postTask", code=sent)
    winner.claim(sent, receiver="养哥", phone="13800000000", address="深圳市科技园 1 号")
    opened = window(user, "/#/mine", viewport=PHONE)
    page = opened.page
    asking = opened.page.get_by_role("dialog", name="注销账号")
    page.get_by_role("button", name="注销账号").click()
    expect(asking).to_contain_text("有七天可以反悔")
    asking.get_by_role("button", name="注销账号").click()
    stops = asking.get_by_role("listitem")
    expect(stops).to_have_count(2)
    expect(stops.first).to_contain_text("你发布的“自己的狗”还有奖品没有寄出，请先寄出")
    expect(stops.last).to_contain_text("你发布的“自己的猫”还在进行，等它结束")
    expect(stops.first.get_by_role("link", name="去发奖")).to_have_attribute("href", f"#/winners/{sent}")
    assert opened.overflow() <= 0
    stops.last.get_by_role("link", name="去看看").click()
    expect(asking).to_be_hidden()
    expect(page.get_by_role("heading", name="自己的猫")).to_be_visible()
    owner.post("/endTask", code=code)
    owner.post("/shipPrize", code=sent, depth=1, carrier="顺丰", number="SF0123456789")
    opened.go("/#/mine")
    page.get_by_role("button", name="注销账号").click()
    asking.get_by_role("button", name="注销账号").click()
    expect(page.get_by_label("你是谁")).to_be_visible()
    opened.log_in(user)
    expect(page.locator("#notices")).to_contain_text("以后删除")
    opened.go("/#/mine")
    leaving = page.locator("section.panel", has_text="以后删除")
    leave = page.get_by_role("button", name="注销账号", exact=True)
    expect(leaving).to_be_visible()
    expect(leave).to_be_hidden()
    assert opened.overflow() <= 0
    above = page.locator(".me").bounding_box()
    assert leaving.bounding_box()["y"] - above["y"] - above["height"] >= 8
    leaving.get_by_role("button", name="撤销注销").click()
    expect(leave).to_be_visible()
    expect(leaving).to_be_hidden()
    assert Person.log_in(address, user).get("/getMyInfo")["delete_at"] == 0


def test_a_signature_is_marked_and_stands_without_the_publishers_picture(window, publisher):
    names = ["签了名的", "没签名的"]
    signed = publisher.publish(a_picture(), name=names[0], wxname="挖宝官方客服")
    plain = publisher.publish(a_picture(), name=names[1])
    opened = window("阿强", viewport=PHONE)
    for name, marks in zip(names, (1, 0), strict=True):
        card = opened.page.locator(".cards li", has_text=name)
        expect(card.locator(".signed")).to_have_count(marks)
        expect(card.locator(".publisher img")).to_have_count(1 - marks)
    for code, marks in ((signed, 1), (plain, 0)):
        opened.go(f"/#/task/{code}")
        line = opened.page.locator("p.publisher")
        expect(line).to_contain_text("挖宝官方客服" if marks else "小明")
        expect(line.locator(".signed")).to_have_count(marks)
        expect(line.locator("img")).to_have_count(1 - marks)
        if marks:
            expect(line.locator(".signed")).to_have_text("署名")
            mark = line.locator(".signed").bounding_box()
            author = line.locator(".name").bounding_box()
            assert mark is not None
            assert author is not None
            assert mark["x"] + mark["width"] <= author["x"]
        assert opened.overflow() <= 0


def answer(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status)


def test_a_login_that_the_sandbox_cannot_answer_does_not_blame_the_name(window):
    opened = window()
    page = opened.page
    for status, said in ((503, "现在登录不了，请稍后再试"), (400, "沙箱没有接受这个名字，请换一个")):
        page.route("**/sandbox/authorize*", answer(status), times=1)
        page.get_by_role("button", name="小明").click()
        expect(page.get_by_text(said)).to_be_visible()
    opened.wrong.clear()  # Chromium logs both
