"""Messages to people who left: offered after a win, after publishing and in a long cooldown, each once."""

from typing import Any

import httpx
from playwright.sync_api import expect

from support.browser import PHONE, Person
from support.client import a_picture
from support.servers import until


def test_a_winner_is_asked_once_and_is_sent_until_when_to_claim(window, address, publisher):
    code = publisher.publish(a_picture(), name="一只茶壶", forecast_num=1)
    opened = window("茶客", viewport=PHONE)
    Person.log_in(address, "茶客").post("/postTask", code=code)
    opened.go(f"/#/task/{code}")
    section = opened.page.get_by_role("region", name="提醒")
    button = section.get_by_role("button", name="到期前提醒我")
    expect(button).to_be_visible()
    assert opened.overflow() <= 0
    button.click()
    opened.page.get_by_role("dialog").get_by_role("button", name="允许").click()
    expect(section).to_contain_text("会在微信里提醒你领奖")

    def messages() -> list[dict[str, Any]]:
        found = httpx.get(f"{address}/sandbox/messages", params={"user": "茶客"}).json()
        return list(found["messages"])

    until(lambda: bool(messages()))
    (message,) = messages()
    assert message["data"]["thing1"]["value"] == "一只茶壶"
    opened.page.reload()
    expect(opened.page.get_by_role("heading", name="领奖")).to_be_visible()
    expect(section).to_have_count(0)


def test_a_person_who_declines_is_not_asked_again(window, publisher):
    code = publisher.publish(a_picture(), name="一只茶壶")
    opened = window("小明", path=f"/#/task/{code}")
    section = opened.page.get_by_role("region", name="提醒")
    section.get_by_role("button", name="结束时通知我").click()
    opened.page.get_by_role("dialog").get_by_role("button", name="取消").click()
    expect(section).to_contain_text("没有开启提醒")
    opened.page.reload()
    expect(opened.page.get_by_role("heading", name="我发布的")).to_be_visible()
    expect(section).to_have_count(0)
