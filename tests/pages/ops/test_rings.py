"""The page of a ring: who is tied to whom by what, and a decision about all that is held of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from server.running.stores import free_port
from support.browser import PHONE, Person, needs_chromium, write_record
from support.screen import TOKEN, is_readable
from support.servers import Running

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Running]:
    """A server whose rings may pay themselves 10 yuan a day."""
    started = Running(data_dir, free_port(), OPS_TOKEN=TOKEN, CASH_RING_DAY_YUAN="10")
    started.wait_for("is ready")
    yield started
    started.kill()


def won(publisher: Person, winner: Person, money: int) -> str:
    """Return a red packet that was paid, dug and won."""
    packet = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 1, "cd": 0}
    code = str(publisher.post("/postTask", money=money, **packet)["code"])
    order = publisher.post("/payTask", code=code, money=money)
    signed = {name: order[name] for name in ("package", "timeStamp", "nonceStr", "signType", "paySign")}
    paid = httpx.post(f"{publisher.address}/sandbox/pay", json={"appId": "wxsandbox000000000", **signed})
    assert paid.json()["errMsg"].endswith(":ok")
    until = time.monotonic() + 20
    while winner.get("/getTaskDetails", code=code)["data"]["why"] and time.monotonic() < until:
        publisher.get("/getTaskDetails", code=code)  # WeChat is asked if its notice is late
    winner.post("/postTask", code=code)
    return code


def claim(winner: Person, code: str) -> str:
    asked = {"unionid": winner.unionid, "code": code}
    headers = {"Authorization": f"Bearer {winner.token}"}
    return str(httpx.post(f"{winner.address}/drawPrize", json=asked, headers=headers).json().get("error", ""))


def test_a_ring_is_seen_and_released_at_once(operator, running, data_dir):
    name = "甲"
    people = [Person.log_in(running.address, f"{name}{number}") for number in "一二三"]
    for person in people:
        write_record(data_dir, "people", person.unionid, created_at=1)
    one, two, three = people
    assert claim(two, won(one, two, 8)) == ""
    held = [won(one, three, 9), won(two, one, 7)]
    winners = list(zip((three, one), held, strict=True))
    assert [claim(*each) for each in winners] == ["payout_held"] * 2
    opened = operator(viewport=PHONE)
    opened.go("/ops#/payouts")
    row = opened.page.locator(".payouts li", has=opened.page.locator(f"a[href='#/task/{held[0]}']"))
    row.get_by_role("link", name="看这一圈人").click()
    page = opened.page.locator("main")
    expect(page.get_by_role("heading", name="互相领的一圈人")).to_be_visible()
    for person in "一二三":
        expect(page.locator(".ring").first).to_contain_text(f"{name}{person}")
    expect(page).to_contain_text("同一个地址")
    assert not any(person.unionid in opened.page.content() for person in people)
    is_readable(opened)
    page.get_by_role("button", name="放行").click()
    dialog = opened.page.get_by_role("dialog")
    expect(dialog).to_contain_text("全部 2 个红包")
    dialog.locator("#reason").fill("一家人")
    dialog.locator("button[type=submit]").click()
    expect(dialog.get_by_role("status")).to_contain_text("已放行")
    dialog.get_by_role("button", name="关闭").click()
    expect(page).to_contain_text("没有待核对的了")
    assert [claim(*each) for each in winners] == ["", ""]
