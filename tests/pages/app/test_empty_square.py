"""A square without treasures says how to publish one."""

from playwright.sync_api import Route, expect

from support.screen import is_readable


def test_an_empty_square_says_where_to_publish_and_how_to_start_a_crowd(window):
    opened = window("小红", color_scheme="dark")
    page = opened.page

    def as_on_the_first_day(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json={**reply.json(), "data": [], "featured": [], "more": 0})

    page.route("**/getTaskList*", as_on_the_first_day)
    page.reload()
    expect(page.get_by_text("python -m server crowd")).to_be_visible()
    is_readable(opened)
    page.locator("main").get_by_role("link", name="埋一个").click()
    expect(page.get_by_label("物品名")).to_be_visible()
