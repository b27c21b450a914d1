"""What a publisher shares, and what a friend who comes by it sees."""

import random
from urllib.parse import urlsplit

from playwright.sync_api import expect

from support.browser import Person, run_until


def test_a_publisher_shares_a_link_with_words_and_a_poster_and_plays_a_friend(window, address):
    user = f"大方{random.randrange(10**9)}"
    owner = Person.log_in(address, user)
    code = owner.publish(name="给朋友的猫", is_public=0)
    opened = window(user, f"/#/task/{code}", viewport={"width": 360, "height": 780})
    page = opened.page
    page.evaluate("""() => {
        navigator.clipboard.writeText = (text) => {
            const allowed = "copied" in window;
            window.copied = text;
            return allowed ? Promise.resolve() : Promise.reject(new DOMException("no", "NotAllowedError"));
        };
    }""")
    drawn = []
    page.route("**/getSharePic", lambda route: drawn.append(route))
    expect(page.get_by_text("没有别人拿得到链接：点“分享给朋友”")).to_be_visible()
    page.get_by_role("button", name="分享给朋友").click()
    expect(page.get_by_text("正在画海报")).to_be_visible()
    copy = page.get_by_role("button", name="复制")
    for said in ("已选中，长按复制", "已复制"):
        copy.click()
        expect(page.get_by_role("dialog").get_by_text(said)).to_be_visible()
    assert page.evaluate("copied").startswith("来挖我埋的宝：给朋友的猫 http://")
    before = copy.bounding_box()
    run_until(page, lambda: bool(drawn))
    drawn[0].continue_()
    poster = page.locator(".poster img")
    expect(poster).to_be_visible()
    assert copy.bounding_box() == before
    assert poster.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [750, 1334]
    assert page.locator("dialog[open]").evaluate("each => each.scrollHeight - each.clientHeight") <= 0
    assert owner.id not in page.get_by_label("链接").input_value()
    with opened.context.expect_page() as friends:
        page.get_by_role("link", name="在新窗口里扮演一个朋友").click()
    friend = friends.value
    expect(friend.get_by_role("heading", name="给朋友的猫")).to_be_visible()
    expect(friend.get_by_role("button", name="挖一锹")).to_be_enabled()
    expect(friend.get_by_text("我发布的")).to_have_count(0)
    assert urlsplit(friend.url).query == ""
    assert friend.url.endswith(f"#/task/{code}")


def test_who_comes_by_a_link_for_the_first_time_sees_the_treasure_and_no_login_before_it(window, publisher):
    code = publisher.publish(name="朋友发来的宝贝", forecast_num=100_000)
    page = window(path=f"/?code={code}").page
    expect(page.get_by_role("heading", name="朋友发来的宝贝")).to_be_visible()
    expect(page.get_by_label("你是谁")).to_be_hidden()
    line = page.locator(".publisher > span:last-child")
    expect(line).to_contain_text("免费挖")
    assert line.evaluate("each => each.offsetHeight") < 30  # one line
    button = page.get_by_role("button", name="挖一锹")
    expect(button).to_be_in_viewport()
    button.click()
    expect(page.locator(".said")).to_contain_text("第 1 层")
