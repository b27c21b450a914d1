"""Messages to people who left: offered after a win and after publishing, each once."""

from typing import Any

import httpx
from playwright.sync_api import expect

from support.browser import PHONE, Person
from support.client import a_picture
from support.servers import until


def test_a_winner_who_agrees_is_told_and_a_publisher_who_declines_is_not_asked_again(
    window, address, publisher
):
    code = publisher.publish(a_picture(), name="一只茶壶", forecast_num=1)
    winner = window("茶客", "/healthz", viewport=PHONE)
    owner = window("小明", "/healthz")
    owner.go(f"/#/task/{code}")
    asked = owner.page.get_by_role("region", name="提醒")
    asked.get_by_role("button", name="结束时通知我").click()
    owner.page.get_by_role("dialog").get_by_role("button", name="取消").click()
    expect(asked).to_contain_text("没有开启提醒")
    owner.page.reload()
    expect(owner.page.get_by_role("heading", name="我发布的")).to_be_visible()
    expect(asked).to_have_count(0)

    Person.log_in(address, "茶客").post("/postTask", code=code)
    winner.go(f"/#/task/{code}")
    section = winner.page.get_by_role("region", name="提醒")
    section.get_by_role("button", name="到期前提醒我").click()
    winner.page.get_by_role("dialog").get_by_role("button", name="允许").click()
    expect(section).to_contain_text("会在微信里提醒你领奖")
    assert winner.overflow() <= 0

    def messages() -> list[dict[str, Any]]:
        found = httpx.get(f"{address}/sandbox/messages", params={"user": "茶客"}).json()
        return list(found["messages"])

    until(lambda: bool(messages()))
    (message,) = messages()
    assert message["data"]["thing1"]["value"] == "一只茶壶"
    winner.page.reload()
    expect(winner.page.get_by_role("heading", name="领奖")).to_be_visible()
    expect(section).to_have_count(0)
