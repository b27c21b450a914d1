"""The client in a real browser: digging, winning, publishing, claiming, logging in."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Route, expect

from server.__main__ import main
from support.browser import Person
from support.client import a_picture


def test_a_lost_network_shows_and_missed_digs_appear_afterwards(window, address, publisher):
    code = publisher.publish(a_picture(), prize_num=2, interval=2, fluctuation=0, forecast_num=300)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.locator(".watchers")).to_be_visible()
    watcher.page.evaluate("window.unchanged = true")
    watcher.context.set_offline(True)
    expect(watcher.page.locator("#banner")).to_contain_text("断开")
    for user in ("阿强", "朵朵", "大熊"):
        Person.log_in(address, user).post("/postTask", code=code)
    expect(watcher.page.locator(".level b")).to_have_text("0")
    watcher.context.set_offline(False)
    expect(watcher.page.locator(".level b")).to_have_text("3")
    expect(watcher.page.locator("#banner")).to_have_text("")
    expect(watcher.page.locator(".people li > span")).to_have_text(["大熊", "朵朵", "阿强"])
    expect(watcher.page.locator(".people li.won")).to_contain_text("朵朵")
    assert watcher.page.evaluate("window.unchanged")
    watcher.wrong.clear()  # Chromium logs that the network was gone


def test_a_file_that_is_no_picture_is_refused_before_publishing(window, tmp_path):
    file = tmp_path / "猫.png"
    file.write_bytes(b"not a picture")
    page = window("小明", "/#/publish").page
    page.get_by_role("radio", name="一件东西").check()
    page.set_input_files("#picture", file)
    page.get_by_label("物品名").fill("不该出现的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.locator("#picture")).to_be_focused()
    expect(page.get_by_text("这不是可以识别的图片")).to_be_in_viewport()
    assert page.url.endswith("#/publish")


def test_a_red_packet_arrives_though_wechat_says_that_its_confirmation_failed(window, publisher):
    code = publisher.publish(a_picture(), name="开工大吉", goods_type=1, money=8, forecast_num=1)
    publisher.pay(code, 8)
    winner = window("阿强", f"/#/task/{code}")
    winner.page.get_by_role("button", name="去领取").click()
    deny = {"what": "deny", "call": "confirm"}
    assert httpx.post(f"{winner.address}/sandbox/misbehave", json=deny).status_code == 200
    winner.page.get_by_role("button", name="领取红包").click()
    expect(winner.page.get_by_text("红包已到账。")).to_be_visible()
    winner.wrong.clear()  # Chromium logs the sandbox's answer
    winner.go("/#/mine/won")
    expect(winner.page.locator("li", has_text="开工大吉").get_by_text("已领取")).to_be_visible()


def test_the_address_in_a_winners_code_fills_in_their_pick_up_code(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1, draw_type=1)
    winner = Person.log_in(publisher.address, "阿强")
    winner.post("/postTask", code=code)
    pickup = winner.claim(code)["pickup"]
    opened = window("小明")
    opened.go(f"/?code={code}&pickup={pickup}")
    expect(opened.page.get_by_label("中奖者的 6 位取件码")).to_have_value(pickup)


def test_the_draw_is_verified_in_the_browser(window, address, publisher):
    code = publisher.publish(a_picture(), prize_num=3, interval=3, fluctuation=1, forecast_num=1)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_text("规则、承诺和随机数")).to_be_visible()
    expect(watcher.page.get_by_role("button", name="验证这次抽奖")).to_be_hidden()
    details = publisher.get("/getTaskDetails", code=code)
    others = [Person.log_in(address, f"路人{number}") for number in range(4)]
    _dig_until_ended(publisher, others, code)

    def in_pages_of_two_digs(route: Route) -> None:
        number = int(parse_qs(urlsplit(route.request.url).query).get("page", ["1"])[0])
        proof = httpx.get(f"{address}/getProof", params={"code": code}).json()
        route.fulfill(json=proof | {"digs": proof["digs"][2 * number - 2 : 2 * number]})

    watcher.page.route("**/getProof*", in_pages_of_two_digs)
    watcher.page.get_by_role("button", name="验证这次抽奖").click()
    expect(watcher.page.locator(".verdict")).to_have_text("验证通过：全部相符")
    expect(watcher.page.locator(".checks li.good")).to_have_count(5)
    expect(watcher.page.get_by_text("与你在结束之前看到的承诺一致")).to_be_visible()
    with watcher.page.expect_download() as saved:
        watcher.page.get_by_role("button", name="保存验证文件").click()
    assert main(["verify", str(saved.value.path()), "--commitment", details["commitment"]]) == 0


def _dig_until_ended(publisher: Person, people: list[Person], code: str) -> None:
    won: set[str] = set()
    while publisher.get("/getTaskDetails", code=code)["data"]["status"] == 0:
        digger = next(person for person in people if person.id not in won)
        if digger.post("/postTask", code=code)["is_prize"]:
            won.add(digger.id)


def test_the_poster_and_its_link_lead_to_the_task(window, publisher):
    code = publisher.publish(a_picture(), name="分享出去的猫")
    sharer = window("小明", f"/#/task/{code}").page
    sharer.get_by_role("button", name="分享", exact=True).click()
    poster = sharer.locator(".poster img")
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [750, 1334]
    link = urlsplit(sharer.get_by_label("链接").input_value().split()[-1])
    assert publisher.id not in link.query
    brought = window(path=f"{link.path}?{link.query}").page
    expect(brought.get_by_role("heading", name="分享出去的猫")).to_be_visible()
    assert urlsplit(brought.url).query == ""
    assert brought.url.endswith(f"#/task/{code}")


def test_two_windows_are_two_people_even_after_a_reload(window):
    one = window("阿强", "/#/mine")
    other = window("朵朵", "/#/mine")
    for each, name in ((one, "阿强"), (other, "朵朵")):
        each.page.reload()
        expect(each.page.get_by_role("heading", name=name)).to_be_visible()
    one.log_out()
    expect(one.page.get_by_label("你是谁")).to_be_visible()
    expect(other.page.get_by_role("heading", name="朵朵")).to_be_visible()


def test_who_gives_no_name_comes_in_as_somebody_new_who_has_one(window):
    names = set()
    for opened in (window(), window()):
        opened.page.get_by_role("button", name="进入").click()
        opened.page.locator("#nav").get_by_role("link", name="我的").click()
        named = opened.page.locator(".me h1")
        expect(named).to_have_text(re.compile("的"))
        expect(opened.page.locator(".me img")).to_have_attribute("src", re.compile("^data:image/svg"))
        names.add(named.text_content())
    assert len(names) == 2


def test_an_invalid_token_leads_to_the_login_and_back(window, publisher):
    code = publisher.publish(a_picture(), name="登录之后的猫")
    someone = window("阿强")
    someone.page.evaluate("""() => {
        const person = JSON.parse(sessionStorage.getItem("wabao.person"));
        sessionStorage.setItem("wabao.person", JSON.stringify({...person, token: "x"}));
    }""")
    someone.go(f"/?code={code}")
    someone.log_in("阿强")
    expect(someone.page.get_by_role("heading", name="登录之后的猫")).to_be_visible()


def test_who_comes_by_a_link_for_the_first_time_sees_the_treasure_and_no_login_before_it(window, publisher):
    code = publisher.publish(a_picture(), name="朋友发来的宝贝", forecast_num=100_000)
    page = window(path=f"/?code={code}").page
    expect(page.get_by_role("heading", name="朋友发来的宝贝")).to_be_visible()
    expect(page.get_by_label("你是谁")).to_be_hidden()
    page.get_by_role("button", name="先练三锹").click()
    practised = page.get_by_role("button", name="练一锹")
    for _ in range(3):
        expect(practised).to_be_in_viewport()
        practised.click()
    page.get_by_role("button", name="会了，去挖真的").click()
    button = page.get_by_role("button", name="挖一锹")
    expect(button).to_be_in_viewport()
    button.click()
    expect(page.locator(".said")).to_contain_text("第 1 层")


def test_no_address_opens_a_page_before_the_login(window):
    someone = window()
    name = someone.page.get_by_label("你是谁")
    someone.page.locator(".brand").click()
    someone.page.wait_for_url("**/#/")
    expect(name).to_be_visible()
    someone.log_in("阿强")
    someone.page.get_by_role("link", name="我的").click()
    someone.log_out()
    expect(name).to_be_visible()
    someone.page.go_back()
    someone.page.wait_for_url("**/#/")
    expect(name).to_be_visible()
    someone.page.evaluate("location.hash = '#/publish'")
    someone.log_in("阿强")
    expect(someone.page.get_by_role("heading", name="埋下一个宝贝")).to_be_visible()


def test_with_wechat_configured_every_address_shows_the_mini_programs_code(window):
    visitor = window()

    def as_with_wechat(route: Route) -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace('data-login="sandbox"', 'data-login="wechat"'))

    visitor.page.route(f"{visitor.address}/", as_with_wechat)
    visitor.page.reload()
    code = visitor.page.get_by_alt_text("小程序码")
    expect(code).to_be_visible()
    visitor.page.locator(".brand").click()
    visitor.page.wait_for_url("**/#/")
    expect(code).to_be_visible()


def test_leaving_the_page_before_the_picture_is_sent_publishes_nothing(window, tmp_path):
    file = tmp_path / "猫.png"
    file.write_bytes(a_picture(200, 200, "teal", "PNG"))
    page = window("小明", "/#/publish").page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/uploadFile", hold)
    page.evaluate("""() => {
        window.asked = [];
        const [fetched, sent] = [window.fetch, XMLHttpRequest.prototype.send];
        window.fetch = (...given) => { window.asked.push(given[0]); return fetched(...given); };
        window.sent = new Promise((resolve) => {
            XMLHttpRequest.prototype.send = function send(body) {
                // The timeout lets everything run that follows from the end.
                this.addEventListener("loadend", () => setTimeout(resolve));
                sent.call(this, body);
            };
        });
    }""")
    page.get_by_role("radio", name="一件东西").check()
    page.set_input_files("#picture", file)
    page.get_by_label("物品名").fill("不该埋下的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    page.get_by_role("link", name="我的").click()
    expect(page.get_by_role("heading", name="小明")).to_be_visible()
    held[0].continue_()
    page.evaluate("() => window.sent")
    assert "/postTask" not in page.evaluate("window.asked")
