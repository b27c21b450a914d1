"""The client in a real browser: its half of the draw, and its check of the server's half."""

from typing import Any

from playwright.sync_api import Page, Route, expect

from support.browser import Person, choose_picture, show_all_fields

IN_IT = "你出的那一半在里面"


def fill(page: Page, name: str) -> None:
    """Fill in the form for goods that one of three digs wins."""
    show_all_fields(page)
    page.get_by_role("radio", name="实物").check()
    choose_picture(page)
    page.get_by_label("物品名").fill(name)
    page.get_by_label("预计挖多少锹").fill("3")


def submit(page: Page) -> None:
    page.get_by_role("button", name="埋下宝贝").click()


def released(person: Person, name: str) -> list[str]:
    """Return the codes of a person's treasures with this name."""
    return [row["code"] for row in person.get("/getMyRelease", page=1)["data"] if row["name"] == name]


def test_a_publication_whose_reply_was_lost_is_made_once_even_after_a_reload(window, address):
    opened = window("断线的人", "/#/publish")
    page = opened.page

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    fill(page, "断线的猫")
    page.route("**/postTask", lose, times=1)
    submit(page)
    expect(page.get_by_text("没有收到回音，可能已经埋下了")).to_be_visible()
    assert len(opened.wrong) == 1
    opened.wrong.clear()
    page.reload()
    submit(page)
    expect(page.get_by_role("heading", name="断线的猫")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_be_visible()
    assert len(released(Person.log_in(address, "断线的人"), "断线的猫")) == 1


def test_a_publisher_is_told_that_the_server_did_not_keep_to_the_two_halves(window):
    page = window("上当的人", "/#/publish").page

    def draw_alone(route: Route) -> None:
        sent: Any = route.request.post_data_json
        route.continue_(post_data={name: sent[name] for name in sent if name not in ("sealed_seed", "nonce")})

    fill(page, "单独抽的猫")
    page.route("**/postTask", draw_alone, times=1)
    submit(page)
    expect(page.get_by_role("heading", name="单独抽的猫")).to_be_visible()
    expect(page.get_by_text("请不要相信这次抽奖")).to_be_visible()
    expect(page.get_by_text(IN_IT)).to_have_count(0)
