"""The check of the draw in a real browser, also one that blocks storage, and by the command line."""

from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Route, expect

from server.__main__ import main
from support.browser import Person
from support.client import a_picture


def test_the_draw_is_verified_in_the_browser(window, address, publisher):
    code = publisher.publish(a_picture(), prize_num=4, interval=1, fluctuation=0, forecast_num=4)
    page = window("小明", f"/#/task/{code}").page
    expect(page.get_by_text("规则、承诺和随机数")).to_be_visible()
    check = page.get_by_role("button", name="验证这次抽奖")
    expect(check).to_be_hidden()
    details = publisher.get("/getTaskDetails", code=code)
    for number in range(4):
        Person.log_in(address, f"路人{number}").post("/postTask", code=code)

    def in_pages_of_two_digs(route: Route) -> None:
        number = int(parse_qs(urlsplit(route.request.url).query).get("page", ["1"])[0])
        proof = httpx.get(f"{address}/getProof", params={"code": code}).json()
        route.fulfill(json=proof | {"digs": proof["digs"][2 * number - 2 : 2 * number]})

    page.route("**/getProof*", in_pages_of_two_digs)
    check.click()
    expect(page.locator(".verdict")).to_have_text("验证通过：全部相符")
    expect(page.locator(".checks li.good")).to_have_count(5)
    expect(page.get_by_text("与你在结束之前看到的承诺一致")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="保存验证文件").click()
    assert main(["verify", str(saved.value.path()), "--commitment", details["commitment"]]) == 0


def test_a_browser_that_blocks_storage_still_plays(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1)
    opened = window(None)
    opened.page.add_init_script("""for (const storage of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, storage, {
            get() { throw new DOMException("blocked", "SecurityError"); }
        })""")
    opened.page.reload()
    opened.log_in("阿强", digs=None)
    opened.page.locator(f".card[href='#/task/{code}']").click()
    opened.page.locator("button.dig").click()
    opened.page.get_by_role("button", name="去领取").click()
    opened.page.get_by_role("button", name="验证这次抽奖").click()
    expect(opened.page.locator(".verdict")).to_have_text("验证通过：全部相符")
    opened.page.get_by_role("link", name="我的").click()
    opened.log_out()
    expect(opened.page.get_by_label("你是谁")).to_be_visible()
