"""What a page shows while network, channel or a store is away."""

from playwright.sync_api import WebSocketRoute, expect

from support.browser import Person
from support.screen import is_readable
from support.servers import stopped

TELL_OVER = """async () => {
    const { src } = document.querySelector("script[type=module]");
    (await import(new URL("channel.js", src))).channel.tell("over");
}"""
SOONER_MS = 5_000  # than the page's own interval
BANNER_MS = 12_000  # 3 s where the machine is not busy


def test_a_lost_network_moves_nothing_and_missed_digs_appear_afterwards(window, address, publisher):
    code = publisher.publish(prize_num=3, interval=2, fluctuation=0, forecast_num=300)
    opened = window("小红", f"/#/task/{code}", viewport={"width": 740, "height": 360})
    page = opened.page
    button = page.locator("button.dig")
    banner = page.locator("#banner")
    expect(page.locator(".level b")).to_have_text("1")  # opening the treasure also digs
    expect(button).to_have_attribute("data-kind", "ready")
    page.wait_for_load_state("networkidle")
    page.evaluate("window.unchanged = true")
    placed = button.bounding_box()
    assert placed is not None
    assert placed["y"] + placed["height"] <= 360
    opened.context.set_offline(True)
    expect(banner).to_contain_text("断开")
    button.click()
    expect(button).to_contain_text("等网络")
    assert button.bounding_box() == placed
    for user in ("阿强", "朵朵", "大熊"):
        Person.log_in(address, user).post("/postTask", code=code)
    opened.context.set_offline(False)
    expect(page.locator(".people li > span")).to_have_text(["大熊", "朵朵", "阿强", "小红"])
    expect(page.locator(".people li.won")).to_contain_text(["大熊", "阿强"])
    expect(banner).to_have_text("")
    assert page.evaluate("window.unchanged")
    opened.wrong.clear()  # Chromium logs that the network was gone
    page.evaluate(TELL_OVER)
    expect(banner).to_have_text("连接被服务器关闭，请刷新页面")
    page.get_by_role("button", name="刷新页面").click()
    page.wait_for_function("() => !window.unchanged")


def test_the_square_and_the_winners_are_read_anew_when_the_channel_is_back(window, address):
    publisher = Person.log_in(address, "断线的人")
    code = publisher.publish(name="早就埋下的猫", forecast_num=1)
    opened = window(path="/healthz")
    sockets: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    opened.page.route_web_socket("**/ws*", connect)
    opened.begin_as("断线的人")
    opened.go("/")
    expect(opened.page.locator(f"[data-code='{code}']")).to_be_visible()
    later = publisher.publish(name="断线时埋下的猫")
    sockets[-1].close(code=4008, reason="too slow")
    expect(opened.page.locator(f"[data-code='{later}']")).to_be_visible(timeout=SOONER_MS)
    opened.go(f"/#/winners/{code}")
    expect(opened.page.get_by_text("还没有人挖到")).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    sockets[-1].close(code=4008, reason="too slow")
    expect(opened.page.locator(".winners li", has_text="阿强")).to_be_visible()


def test_a_silent_store_shows_a_banner_until_it_answers(window, shared, publisher):
    opened = window("小红", f"/#/task/{publisher.publish(cd=60)}")
    page = opened.page
    banner = page.locator("#banner")
    expect(page.get_by_text("规则、承诺和随机数")).to_be_visible()
    for store, said in (("SecantusDB", "服务器暂时没有响应"), ("Valkey", "画面可能晚一两秒")):
        expect(banner).to_have_text("")
        with stopped(shared.children()[store]):
            expect(banner).to_contain_text(said, timeout=BANNER_MS)
            is_readable(opened)
            if store == "Valkey":  # a page that connects during the outage is told, too
                page.reload()
                expect(banner).to_contain_text(said)
        expect(banner).to_have_text("")
