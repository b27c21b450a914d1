"""The client in a real browser: what a dig brings up, the book, and what came up in a treasure."""

from typing import Any

from playwright.sync_api import expect

from support.browser import Person
from support.client import a_picture, goods

NAME_OF = """async (find) => {
    const main = document.querySelector("script[type=module]").src;
    return (await import(main.replace("app/main", "miniprogram/shared/finds"))).findName(find);
}"""


def publish_together(person: Person, **rules: Any) -> str:
    """Publish goods whose draw has finds."""
    sealed = person.get("/commitment")["sealed_seed"]
    asked = goods(person.upload(a_picture()), **{"prize_num": 1, "forecast_num": 1_000_000, **rules})
    return str(person.post("/postTask", **asked, sealed_seed=sealed, nonce="0f" * 16)["code"])


def test_a_dig_shows_its_find_whose_picture_is_loaded_then_and_the_book_keeps_it(window, address, publisher):
    code = publish_together(publisher, cd=0)
    asked = []
    digger = window("小图", "/#/publish")  # whose book no other test fills; on the square they practise
    digger.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    digger.go(f"/#/task/{code}")  # opening the treasure also digs
    said = digger.page.locator(".said")
    expect(said).to_contain_text("第 1 层，没有奖，挖出了")
    expect(said.locator(".find")).to_be_visible()
    assert {"finds.css", "finds.svg"} <= set(asked)
    find = publisher.get("/getDigs", code=code)["data"][0]["find"]
    name = digger.page.evaluate(NAME_OF, find)
    expect(said).to_contain_text(name)
    digger.page.get_by_role("heading", name="谁挖了哪一层").click()
    expect(digger.page.locator(".digs li")).to_contain_text(name)
    expect(digger.page.locator(".came-up li")).to_have_text([name])
    digger.go("/#/mine/finds")
    expect(digger.page.locator(".book section")).to_have_count(6)
    expect(digger.page.locator(".book")).to_contain_text("1 / 48 件")
    expect(digger.page.locator(".book .unfound")).to_have_count(47)
    digger.page.locator(".book a").click()
    expect(digger.page).to_have_url(f"{address}/#/task/{code}")


def test_a_find_that_cannot_be_shown_leaves_the_dig_as_it_was(window, publisher):
    code = publish_together(publisher, cd=0)
    digger = window(path="/healthz")
    digger.page.route("**/app/finds.js", lambda route: route.abort())
    digger.begin_as("阿强")
    digger.go(f"/#/task/{code}")
    expect(digger.page.locator(".said")).to_have_text("第 1 层，什么也没有")
    digger.wrong.clear()
