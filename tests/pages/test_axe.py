"""axe, which checks pages for accessibility, finds nothing in either theme; all fit a phone and a desk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from support import SOURCE
from support.browser import Person, Window, a_server, checked, needs_chromium, write_record
from support.client import a_picture
from support.messages import MESSAGES
from support.reviews import CHECKED
from support.screen import TOKEN, a_red_packet, enter, is_readable
from support.servers import until

AXE = SOURCE / "tests" / "pages" / "miniprogram" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not AXE.is_file(), reason="npm ci was not run in tests/pages/miniprogram"),
]

DAY_MS = 86_400_000
ADDRESS = {"receiver": "王大熊", "phone": "13800000001", "address": "深圳市南山区高新南一道 1 号"}
# Only colours differ from theme to theme. What is still moving has no colours of its own yet.
FIND = """async (colours) => {
    const passing = document.getAnimations().filter(each => each.effect.getTiming().iterations !== Infinity);
    await Promise.allSettled(passing.map(each => each.finished));
    const which = colours ? {type: "rule", values: ["color-contrast", "link-in-text-block"]}
        : {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]};
    const {violations} = await axe.run({runOnly: which, resultTypes: ["violations"], preload: false});
    return violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>
        `${id}: ${html.slice(0, 120)} ${failureSummary.replace(/\\s+/g, " ")}`));
}"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where the server keeps its stores."""
    return tmp_path


@pytest.fixture
def address(data_dir: Path) -> Iterator[str]:
    """The address of a server that checks contents, sends messages and lets operators in."""
    with a_server(data_dir, **CHECKED, **MESSAGES, OPS_TOKEN=TOKEN) as running:
        yield running.address


@pytest.fixture
def options() -> dict[str, Any]:
    """Nothing moves for long."""
    return {"reduced_motion": "reduce", "color_scheme": "light"}


@pytest.fixture
def codes(address: str, data_dir: Path) -> dict[str, str]:
    """The codes of treasures by what they are, once their texts are checked. 小红's window looks at them."""
    hong, ming, qiang = (Person.log_in(address, user) for user in ("小红", "小明", "阿强"))
    picture = a_picture()
    half = {
        "sealed_seed": ming.get("/commitment")["sealed_seed"],
        "nonce": "5b1f62c9a4e07d3388c2f19be06a7d54",
    }
    kinds = [{"name": "头奖", "prize_num": 1}, {"name": "二等奖", "prize_num": 2}]
    many = {
        "prize_num": 3,
        "prizes": json.dumps(kinds),
        "interval": 2_000,
        "fluctuation": 0,
        "forecast_num": 6_000,
    }
    owners = {
        "running": (ming, {**half, **many, "cd": 60, "synopsis": "x" * 400, "wxname": "W" * 32}),
        "upcoming": (ming, {"starts_at": int(time.time() * 1000) + DAY_MS}),
        "reported": (ming, {}),
        "won": (ming, {"forecast_num": 1}),
        "mine": (hong, {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 2}),
    }
    made = {name: who.publish(picture, name=name, **asked) for name, (who, asked) in owners.items()}
    made["held"] = hong.publish(picture, name="held", synopsis="存疑：加微信 abc123 领取")
    for name, code in made.items():
        who = hong if name == "held" else owners[name][0]
        review = "held" if name == "held" else "shown"
        until(
            lambda who=who, code=code, review=review: (
                who.get("/getTaskDetails", code=code)["review"] == review
            )
        )
    qiang.post("/postTask", code=made["mine"])
    qiang.post("/drawPrize", code=made["mine"], **ADDRESS)
    for reporter in (qiang, Person.log_in(address, "朵朵"), Person.log_in(address, "小鹿")):
        write_record(data_dir, "people", reporter.unionid, created_at=1)  # a new person's does not count
        reporter.post("/postTask", code=made["reported"])
        reporter.post("/report", code=made["reported"], reason="fraud", text="留的地址都不回")
    made["packet"], _ = a_red_packet(ming, address)
    with httpx.Client(base_url=address) as operator:
        checked(operator.post("/ops/login", json={"name": "值班员", "token": TOKEN}))
        packet = {"what": "task", "code": made["packet"], "reason": "像是刷奖"}
        checked(operator.post("/ops/freeze", json=packet))
        checked(operator.post("/ops/run", json={"what": "rotate", "reason": "换密钥"}))
    return made


class Looked:
    """A window that is looked at with axe, and what it found."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.found: list[str] = []

    def at(self, name: str, *said: str) -> None:
        """Look at what is shown in both themes, once it says something."""
        page = self.window.page
        for each in said:
            expect(page.locator("body")).to_contain_text(each)
        expect(page.locator("main h1").first).to_be_visible()  # what is read comes after the frame of a page
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            self.found += [f"{name}, {theme}: {each}" for each in page.evaluate(FIND, theme == "dark")]
        page.emulate_media(color_scheme="light")
        is_readable(self.window)

    def go(self, path: str, *said: str) -> None:
        """Open a path and look at it."""
        self.window.go(path)
        self.at(path, *said)


def with_axe(window: Window) -> Looked:
    """Bring axe into a window's pages, which their policy would not load."""
    window.context.add_init_script(path=AXE)
    window.page.reload()
    return Looked(window)


def test_axe_finds_nothing_on_any_page_in_either_theme_and_all_fit(window, codes):
    opened = window()
    looked = with_axe(opened)
    page = opened.page
    looked.at("login", "你是谁")
    page.get_by_role("button", name="隐私政策").click()
    looked.at("privacy policy", "我们是")
    page.get_by_role("button", name="关闭").click()
    opened.log_in("小红", digs=False)

    looked.at("square", "running")
    page.get_by_role("radio", name="预告").check()
    looked.at("what is announced", "upcoming")
    looked.go(f"/#/task/{codes['upcoming']}", "开挖")
    opened.go(f"/#/task/{codes['running']}")
    dig = page.locator(".dig[data-kind=ready]")
    looked.at("running", "头奖", "挖一锹")
    dig.click()
    expect(page.locator(".dig[data-kind=cooling]")).to_be_visible()
    looked.at("cooling", "头奖")
    page.get_by_role("button", name="举报").click()
    looked.at("report", "色情低俗")
    opened.go(f"/#/task/{codes['won']}")
    page.locator(".dig").click()
    looked.at("win", "恭喜，你挖到了！")
    page.get_by_role("button", name="去领取").click()
    page.get_by_role("button", name="验证这次抽奖").click()
    looked.at("claim and proof", "收货人", "验证通过")
    page.get_by_role("button", name="活动规则").click()
    looked.at("rules", "每人最多得一份")

    opened.go("/#/publish")
    page.get_by_label("物品名").fill(" ")
    page.get_by_role("button", name="埋下宝贝").click()
    looked.at("publish, refused", "埋下宝贝")
    page.get_by_role("radio", name="几种、拼手气").check()
    looked.at("publish kinds", "第 1 种")

    looked.go(f"/#/task/{codes['held']}", "正在等平台的人看一看")
    looked.go(f"/#/edit/{codes['held']}", "改好了")
    looked.go(f"/#/task/{codes['mine']}", "中奖者和发奖")
    looked.go(f"/#/winners/{codes['mine']}", ADDRESS["address"])
    table = "深度,中奖者,快递公司,运单号\n9,阿强,中通,ZT12345678\n".encode()
    upload = page.get_by_label("上传填好快递的表格")
    upload.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    looked.at("a table, refused", "没有记下")
    looked.go("/#/mine/published", "held")
    page.get_by_role("button", name="改名字和头像").click()
    looked.at("name", "保存")
    for which, said in (("dug", "running"), ("digs", "第"), ("won", "won")):
        looked.go(f"/#/mine/{which}", said)
    opened.go(f"/#/task/{codes['won']}")
    page.locator("a.by").first.click()
    page.get_by_role("button", name="关注").click()
    looked.at("publisher", "取消关注", "running")
    looked.go("/#/follows", "小明")

    operators = window(path="/ops")
    watched = with_axe(operators)
    watched.at("operators' login", "运营登录")
    enter(operators, "值班员", TOKEN)
    expect(operators.page.locator(".status.fresh")).to_be_visible()
    expect(operators.page.locator(".tasks .name", has_text="开工大吉")).to_be_visible()
    watched.at("operators' screen")
    for path, said in (
        (f"task/{codes['running']}", "running"),
        (f"person/{codes['reported']}/1", "阿强"),
        ("search/阿强", "阿强"),
        ("list/held", "开工大吉"),
        ("alarms", "回到大屏"),
        ("payouts", "像是刷奖"),
        (f"ring/{codes['packet']}/1", "小明"),
        ("reports", "reported"),
        ("reviews", "held"),
        ("log", "值班员"),
        ("runs", "已经用"),
    ):
        watched.go(f"/ops#/{path}", said)

    operators.go(f"/ops#/task/{codes['running']}")
    operators.page.get_by_role("button", name="结束", exact=True).click()
    watched.at("what an act asks", "理由")

    assert looked.found + watched.found == []
