"""The client in a real browser: the form to publish, the values that it keeps, and its error messages."""

from datetime import datetime, timedelta

from playwright.sync_api import Locator, Page, Route, expect

from server.game.amounts import BEIJING
from support.browser import PHONE, Person, choose_picture, show_all_fields
from support.client import a_picture

SEVERAL = "每隔多少层一份奖品"
IN_IT = "你出的那一半在里面"
# Notes a half of the random numbers as if this browser had sent it.
NOTE_HALF = "half => localStorage.setItem('wabao.halves', JSON.stringify([half]))"


def submit(page: Page) -> None:
    page.get_by_role("button", name="埋下宝贝").click()


def released(address: str, user: str) -> list[str]:
    """Return the names of a person's treasures."""
    return [row["name"] for row in Person.log_in(address, user).get("/getMyRelease", page=1)["data"]]


def test_a_form_is_kept_for_its_writer_until_it_is_published_once_with_both_halves(window, address):
    opened = window("念旧的人", "/#/publish")
    page = opened.page
    show_all_fields(page)
    choose_picture(page)
    for label, text in (("物品名", "留得住的猫"), ("奖品数量", "3"), (SEVERAL, "7")):
        page.get_by_label(label).fill(text)
    page.get_by_role("radio", name="现场领取").check()
    page.get_by_role("link", name="广场").click()
    expect(page.get_by_role("heading", name="广场")).to_be_attached()
    page.go_back()
    for _ in ("after going back", "after a reload"):
        expect(page.get_by_label("物品名")).to_have_value("留得住的猫")
        expect(page.get_by_label(SEVERAL)).to_have_value("7")
        expect(page.get_by_role("radio", name="现场领取")).to_be_checked()
        expect(page.locator(".preview img")).to_be_visible()
        page.reload()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/postTask", lose, times=1)
    submit(page)
    expect(page.get_by_text("没有收到回音，可能已经埋下了")).to_be_visible()
    assert len(opened.wrong) == 1
    opened.wrong.clear()
    page.reload()
    submit(page)
    expect(page.get_by_role("heading", name="留得住的猫")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_be_visible()
    assert released(address, "念旧的人") == ["留得住的猫"]
    page.go_back()
    page.get_by_role("radio", name="更多").check()
    expect(page.get_by_label("物品名")).to_have_value("")
    page.get_by_label("物品名").fill("私房猫")
    page.get_by_role("link", name="我的").click()
    opened.log_out()
    opened.log_in("上当的人")
    page.get_by_role("link", name="发布", exact=True).click()
    show_all_fields(page)
    expect(page.get_by_label("物品名")).to_have_value("")
    alone = Person.log_in(address, "上当的人").publish(name="单独抽的猫")
    page.evaluate(NOTE_HALF, [alone, "ab" * 32, "cd" * 16])
    opened.go(f"/#/task/{alone}")
    expect(page.get_by_text("请不要相信这次抽奖")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_have_count(0)


def test_the_first_problem_is_said_beneath_its_field_and_times_are_beijings_elsewhere_too(window, tmp_path):
    page = window("小明", "/#/publish", viewport=PHONE, timezone_id="Europe/Berlin").page
    digs = page.get_by_label("预计挖多少锹")
    picture = page.locator("#picture")
    no_picture = tmp_path / "猫.png"
    no_picture.write_bytes(b"not a picture")
    show_all_fields(page)
    submit(page)
    _is_blamed(picture, "请先选一张图片")
    page.set_input_files("#picture", no_picture)
    page.get_by_label("物品名").fill("  ")  # only the server notices that this is no name
    submit(page)
    expect(picture).to_be_focused()
    expect(page.get_by_text("这不是可以识别的图片")).to_be_in_viewport()
    choose_picture(page)
    digs.fill("0")
    submit(page)
    _is_blamed(digs, "“预计挖多少锹”应为 1 到 1000000 的整数")
    digs.fill("20")
    expect(page.get_by_text("应为 1 到 1000000 的整数")).to_have_count(0)
    submit(page)
    _is_blamed(page.get_by_label("物品名"), "“物品名”应为 1 到 50 个字")
    page.get_by_label("物品名").fill("八点的猫")
    now = datetime.now(BEIJING)
    starts = now + timedelta(days=2)
    begin = page.get_by_label("什么时候开挖")
    begin.fill(f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}")
    submit(page)
    _is_blamed(begin, "“什么时候开挖”应在现在之后、30 天之内")
    begin.fill(f"{starts:%Y-%m-%dT20:00}")
    page.get_by_label("什么时候结束").fill(f"{starts:%Y-%m-%dT21:00}")
    submit(page)
    said = f"{starts.month}月{starts.day}日 20:00 北京时间（你那里"
    expect(page.locator(".fact").last).to_contain_text(said)
    expect(page.locator(".heading .publisher")).to_contain_text(said.replace("20:00", "21:00"))


def _is_blamed(field: Locator, text: str) -> None:
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    beneath = field.locator("xpath=ancestor::*[contains(@class, 'field')][1]").locator(".problem")
    expect(beneath).to_have_text(text)
    expect(beneath).to_be_in_viewport()


def test_leaving_the_page_before_the_picture_is_sent_publishes_nothing(window):
    page = window("小明", "/#/publish").page
    held: list[Route] = []
    asked: list[str] = []
    page.route("**/uploadFile", lambda route: held.append(route))
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.get_by_role("radio", name="一件东西").check()
    page.set_input_files("#picture", {"name": "猫.jpg", "mimeType": "image/jpeg", "buffer": a_picture()})
    page.get_by_label("物品名").fill("不该埋下的猫")
    submit(page)
    page.get_by_role("link", name="我的").click()
    expect(page.get_by_role("heading", name="小明")).to_be_visible()
    with page.expect_event("requestfinished", lambda request: request.url.endswith("/uploadFile")):
        held[0].continue_()
    page.evaluate("() => new Promise(setTimeout)")  # lets everything run that follows from the end
    assert "uploadFile" in asked
    assert "postTask" not in asked
