"""A publisher's page of a treasure that many people dig."""

from playwright.sync_api import expect

from support.browser import PHONE, Person

CROWD = 61


def test_a_publisher_sees_people_digs_and_numbers_grow(window, address, publisher):
    code = publisher.publish(name="人人挖的猫", forecast_num=500_000)
    crowd = [Person.log_in(address, f"第{number}人") for number in range(1, CROWD + 2)]
    for digger in crowd[:CROWD]:
        digger.post("/postTask", code=code)
    opened = window("小明", f"/#/task/{code}", viewport=PHONE)
    page = opened.page
    people = page.locator(".people li > span")
    rows = page.locator(".digs li")
    statement = page.locator(".statement")
    expect(people).to_have_count(60)
    expect(rows).to_have_count(0)
    page.locator("summary", has_text="谁挖了哪一层").click()
    expect(rows).to_have_count(50)
    statement.locator("summary").click()
    newest = crowd[CROWD]
    newest.get("/getTaskDetails", code=crowd[0].get("/getTaskDetails", code=code)["share"])
    newest.post("/postTask", code=code)
    for label, number in (("挖到第", "62层"), ("挖的人", "62"), ("通过分享来", "1")):
        # The page reads some numbers at most every 5 s.
        expect(statement.locator("dl > div", has_text=label)).to_contain_text(number, timeout=15_000)
    expect(page.locator(".count")).to_have_text("62 人")
    expect(people).to_have_text([f"第{number}人" for number in range(62, 2, -1)])
    page.get_by_role("button", name="看更早的人（还有 2 人）").click()
    expect(people).to_have_text([f"第{number}人" for number in range(62, 0, -1)])
    expect(page.get_by_role("button", name="看更早的人")).to_be_hidden()
    expect(rows.first).to_contain_text("第 62 层")
    expect(rows.first).to_contain_text("第62人")
    page.get_by_role("button", name="更早的", exact=True).click()
    expect(rows).to_have_count(62)
    expect(rows.last).to_contain_text("第 1 层")
    expect(page.get_by_role("button", name="更早的", exact=True)).to_be_hidden()
    assert opened.overflow() <= 0
