"""The pages about checks, reports, bans and held payouts; and all pages as axe sees them."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ViewportSize, expect

from server.game.amounts import BEIJING
from support import SOURCE
from support.browser import CONTRASTS, CUT, DESK, Person, Window, show_all_fields, write_record
from support.client import a_picture
from support.messages import MESSAGES
from support.reviews import CHECKED
from support.screen import TOKEN, a_red_packet, enter, operate
from support.servers import a_server, until

DOUBTFUL = "存疑的茶壶"
REFUSED = "小茶壶"
REPORTED = "名牌手表，全新"
FRAUD = "开工大吉"
STOLEN = "一箱橙子"
ADDRESS = {"receiver": "王大熊", "phone": "13800000001", "address": "深圳市南山区高新南一道 1 号"}
DAY_MS = 86_400_000
AXE = SOURCE / "tests" / "pages" / "miniprogram" / "node_modules" / "axe-core" / "axe.min.js"
# While an element still moves, its colours are not its final colours.
SETTLE = """async () => {
    const passing = document.getAnimations().filter(each => each.effect.getTiming().iterations !== Infinity);
    await Promise.allSettled(passing.map(each => each.finished));
}"""
FIND = """async () => {
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const which = {type: "tag", values};
    const {violations} = await axe.run({runOnly: which, resultTypes: ["violations"], preload: false});
    return violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>
        `${id}: ${html.slice(0, 120)} ${failureSummary.replace(/\\s+/g, " ")}`));
}"""

NARROW: dict[str, ViewportSize] = {
    "320 px": {"width": 320, "height": 568},
    "landscape": {"width": 740, "height": 360},  # as wide as a desk at 200 %
}
PHONE_AT_200: dict[str, ViewportSize] = {"a phone at 200 %": {"width": 180, "height": 370}}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its stores."""
    return tmp_path_factory.mktemp("moderation")


@pytest.fixture(scope="module")
def address(data_dir: Path) -> Iterator[str]:
    """The address of a server that checks contents and sends messages."""
    with a_server(data_dir, **CHECKED, **MESSAGES, OPS_TOKEN=TOKEN) as running:
        yield running.address


@pytest.fixture(scope="module")
def codes(address: str, data_dir: Path) -> dict[str, str]:
    """The codes of treasures by name. FRAUD is a red packet; STOLEN was won; other names say enough."""
    hong, ming, xiong = (Person.log_in(address, user) for user in ("小红", "小明", "大熊"))
    made = {
        DOUBTFUL: hong.publish(a_picture(), name=DOUBTFUL, synopsis="【存疑】加微信 abc123 领取"),
        REFUSED: hong.publish(a_picture(), name=REFUSED, synopsis="【违规】的话"),
        REPORTED: ming.publish(a_picture(), name=REPORTED, synopsis="加群领取，先到先得。"),
        STOLEN: hong.publish(a_picture(), name=STOLEN, forecast_num=1),
    }
    for name, who, review in (
        (REPORTED, ming, "shown"),
        (STOLEN, hong, "shown"),  # nobody else could dig it before
        (DOUBTFUL, hong, "held"),
        (REFUSED, hong, "refused"),
    ):
        until(partial(is_reviewed_as, review, who, made[name]))
    xiong.post("/postTask", code=made[REPORTED])
    xiong.post("/postTask", code=made[STOLEN])
    xiong.claim(made[STOLEN], **ADDRESS)
    for user, reason in (("朵朵", "fraud"), ("阿强", "fraud"), ("小鹿", "illegal")):
        reporter = Person.log_in(address, user)
        write_record(data_dir, "people", reporter.id, created_at=1)  # new people's reports do not count
        reporter.post("/postTask", code=made[REPORTED])
        reporter.post("/report", code=made[REPORTED], reason=reason, text="留的地址都不回")
    made[FRAUD], _ = a_red_packet(ming, address)
    operate(address, "/ops/ban", code=made[REPORTED], depth=1, days=7, reason="用脚本挖宝")
    operate(address, "/ops/freeze", what="task", code=made[FRAUD], reason="像是刷奖")
    operate(address, "/ops/freeze", what="person", code=made[STOLEN], depth=1, reason="用脚本挖到的")
    return made


@pytest.fixture
def options() -> dict[str, Any]:
    """Nothing moves: while a colour changes, it is not the one to look at."""
    return {"reduced_motion": "reduce"}


def test_people_without_a_picture_have_a_place_all_the_same(window, codes):
    opened = window("路人", f"/#/task/{codes[REPORTED]}")
    face = opened.page.locator(".people .avatar").first
    expect(face).to_be_visible()
    expect(face).to_have_css("opacity", "1")
    expect(face).to_have_js_property("offsetWidth", 44)
    expect(face).not_to_have_js_property("naturalWidth", 0)  # the face that was drawn for them is loaded


def test_a_publisher_reads_what_became_of_the_check(window, codes):
    opened = window("小红", f"/#/task/{codes[DOUBTFUL]}")
    expect(opened.page.get_by_text("正在等平台的人看一看")).to_be_visible()
    sharing = opened.page.get_by_role("button", name="分享")
    expect(sharing).to_have_count(0)
    expect(opened.page.locator(".cheers")).to_be_hidden()  # nobody else is there to see them
    opened.page.locator(".statement summary").click()
    expect(opened.page.locator(".statement")).to_contain_text("已领奖")
    expect(opened.page.locator(".dig")).to_have_text("还在检查")
    opened.go(f"/#/task/{codes[REFUSED]}")
    expect(opened.page.locator(".ending")).to_contain_text("没有通过内容检查")
    expect(sharing).to_have_count(0)
    opened.go(f"/#/task/{codes[STOLEN]}")
    expect(sharing.first).to_be_visible()
    opened.go("/#/mine/published")
    for name in (DOUBTFUL, REFUSED):
        expect(opened.page.locator(".card", has_text=name)).to_be_visible()
    stranger = window("路人", f"/#/task/{codes[DOUBTFUL]}")
    expect(stranger.page.get_by_text("看一看")).to_have_count(0)
    expect(stranger.page.locator("main")).not_to_contain_text(DOUBTFUL)


def test_a_name_that_waits_is_told(window):
    opened = window("新人", "/#/mine")
    opened.page.get_by_role("button", name="改名").or_(
        opened.page.get_by_role("link", name="改名")
    ).first.click()
    opened.page.get_by_role("textbox", name="名字").fill("【存疑】的名字")
    opened.page.get_by_role("button", name="保存").click()
    expect(opened.page.locator("main .review")).to_contain_text("新的名字和头像正在")
    expect(opened.page.locator(".unnamed")).to_be_hidden()  # they have chosen one


def test_a_banned_person_reads_until_when(window, codes):
    opened = window("大熊", f"/#/task/{codes[REPORTED]}")
    dig = opened.page.locator(".dig")
    expect(opened.page.get_by_text("你的账号已被停用，到")).to_be_visible()
    expect(dig).to_contain_text("账号已停用")
    expect(dig).to_have_attribute("aria-disabled", "true")


def test_the_key_that_decides_is_not_written_into_the_reason(window, codes):
    opened = window(path="/ops")
    enter(opened, "值班员", TOKEN)
    opened.go("/ops#/reviews")
    # Wait for the list of reviews: the dashboard names the treasure, too, but has no such keys.
    expect(opened.page.locator(".reviews")).to_contain_text(DOUBTFUL)
    for key in "ar":
        opened.page.keyboard.press(key)
        expect(opened.page.get_by_label("理由")).to_be_focused()
        opened.page.keyboard.type("看过了")
        expect(opened.page.get_by_label("理由")).to_have_value("看过了")
        opened.page.get_by_role("dialog").get_by_role("button", name="取消").click()
        expect(opened.page.get_by_role("dialog")).to_have_count(0)


def is_reviewed_as(review: str, who: Person, code: str) -> bool:
    return bool(who.get("/getTaskDetails", code=code)["review"] == review)


def more_treasures(address: str) -> dict[str, str]:
    """Publish the treasures that the other pages show, and start a rotation; return the codes by name."""
    hong, ming, qiang = (Person.log_in(address, user) for user in ("小红", "小明", "阿强"))
    half = {"sealed_seed": ming.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}
    kinds = [{"name": "头奖", "prize_num": 1}, {"name": "二等奖", "prize_num": 2}]
    many = {"prize_num": 3, "prizes": json.dumps(kinds), "interval": 2_000, "fluctuation": 0}
    many |= {"forecast_num": 6_000, "cd": 60, "synopsis": "x" * 400, "wxname": "W" * 32}
    owners: dict[str, tuple[Person, dict[str, Any]]] = {
        "running": (ming, {**half, **many}),
        "upcoming": (ming, {"starts_at": int(time.time() * 1000) + DAY_MS}),
        "won": (ming, {"forecast_num": 1}),
        "mine": (hong, {"prize_num": 5, "interval": 1, "fluctuation": 0, "forecast_num": 5}),
    }
    made = {name: who.publish(a_picture(), name=name, **asked) for name, (who, asked) in owners.items()}
    for name, (who, _) in owners.items():
        until(partial(is_reviewed_as, "shown", who, made[name]))
    qiang.post("/postTask", code=made["mine"])
    qiang.claim(made["mine"], **ADDRESS)
    return made


class Looked:
    """A window whose pages axe checks, and what axe found."""

    def __init__(self, window: Window, sizes: dict[str, ViewportSize]) -> None:
        self.window = window
        self.sizes = sizes
        self.found: list[str] = []

    def at(self, name: str, *said: str) -> None:
        """Let axe check the page, and its contrasts in both themes, once it shows the texts in `said`."""
        page = self.window.page
        for each in said:
            expect(page.locator("body")).to_contain_text(each)
        expect(page.locator("main h1").first).to_be_visible()  # a page shows its data later than its outline
        page.evaluate(SETTLE)
        self.found += [f"{name}: {each}" for each in page.evaluate(FIND)]
        page.emulate_media(color_scheme="dark")
        page.evaluate(SETTLE)
        self.found += [f"{name}, dark: {each}" for each in page.evaluate(CONTRASTS.read_text("utf-8"))]
        page.emulate_media(color_scheme="light")
        before = page.viewport_size
        assert before is not None
        for zoom, size in {"a desk": DESK, **self.sizes}.items():
            page.set_viewport_size(size)
            self.found += [f"{name}, {zoom}, cut: {each}" for each in page.evaluate(CUT)]
            if (wider := self.window.overflow()) > 0:
                self.found.append(f"{name}, {zoom}: {wider} px too wide")
        page.set_viewport_size(before)

    def go(self, path: str, *said: str) -> None:
        """Open a path, and let axe check the page."""
        self.window.go(path)
        self.at(path, *said)


def with_axe(window: Window, sizes: dict[str, ViewportSize] = NARROW) -> Looked:
    """Put axe into a window's pages. The pages' policy does not let them load axe themselves.

    In these sizes nothing may be cut off, or scroll sideways.
    """
    window.page.add_init_script(path=AXE)
    window.page.reload()
    return Looked(window, sizes)


@pytest.mark.skipif(not AXE.is_file(), reason="npm ci was not run in tests/pages/miniprogram")
def test_axe_finds_nothing_on_any_page_in_either_theme_and_all_fit(window, address, codes):
    codes = codes | more_treasures(address)
    opened = window()
    looked = with_axe(opened, NARROW | PHONE_AT_200)
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
    looked.at("publish a packet", "塞钱进红包")
    page.get_by_role("radio", name="一件东西").check()
    looked.at("publish a thing", "埋下宝贝")
    show_all_fields(page)
    page.get_by_label("物品名").fill(" ")
    page.get_by_role("button", name="埋下宝贝").click()
    looked.at("publish, refused", "埋下宝贝")
    page.get_by_role("radio", name="几种、拼手气").check()
    looked.at("publish kinds", "第 1 种")

    looked.go(f"/#/task/{codes[DOUBTFUL]}", "正在等平台的人看一看")
    looked.go(f"/#/edit/{codes[DOUBTFUL]}", "改好了")
    looked.go(f"/#/task/{codes['mine']}", "中奖者和发奖")
    looked.go(f"/#/winners/{codes['mine']}", ADDRESS["address"])
    table = "深度,中奖者,快递公司,运单号\n9,阿强,中通,ZT12345678\n".encode()
    upload = page.get_by_label("上传填好快递的表格")
    upload.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    looked.at("a table, refused", "没有记下")
    looked.go("/#/mine/published", DOUBTFUL)
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
    for path, *texts in (
        (f"task/{codes['running']}", "running"),
        (f"person/{codes[REPORTED]}/1", "大熊", "用脚本挖宝"),
        ("search/阿强", "阿强"),
        ("list/held", "开工大吉"),
        ("payouts", "8.00", "像是刷奖", "用脚本挖到的"),
        (f"paid/{codes[FRAUD]}/1", "谁付给了谁"),
        ("reports", REPORTED),
        ("reviews", DOUBTFUL),
        ("log", "值班员"),
    ):
        watched.go(f"/ops#/{path}", *texts)

    operators.go(f"/ops#/task/{codes['running']}")
    operators.page.get_by_role("button", name="结束", exact=True).click()
    watched.at("what an act asks", "理由")

    assert looked.found + watched.found == []


def story_of(address: str) -> str:
    """Let three people dig a treasure to its end, and thank for what they won; return its code."""
    diggers = [Person.log_in(address, user) for user in ("小红", "阿强", "朵朵")]
    ming = Person.log_in(address, "小明")
    half = {"sealed_seed": ming.get("/commitment")["sealed_seed"], "nonce": "cd" * 16}
    numbers = {"prize_num": 3, "interval": 3, "fluctuation": 0, "forecast_num": 9, "cd": 0}
    code = ming.publish(a_picture(), name="三只脐橙", **numbers, **half)
    until(partial(is_reviewed_as, "shown", ming, code))
    while all(each.error_of("/postTask", code=code) != "ended" for each in diggers):
        pass
    for each in diggers:
        each.claim(code, **ADDRESS)
        each.post("/thank", code=code, sign="heart")
    return code


def dailies(address: str, data_dir: Path) -> str:
    """Set daily treasures of yesterday, which 小红 dug, and of tomorrow; return one that may become daily."""
    ming = Person.log_in(address, "小明")
    day = datetime.now(BEIJING).replace(hour=20, minute=0, second=0, microsecond=0)
    days = {"昨天的脐橙": day - timedelta(days=1), "明天的脐橙": day + timedelta(days=1)}
    days["后备的脐橙"] = days["明天的脐橙"]
    made = {}
    for name, at in days.items():
        starts = {"starts_at": int(at.timestamp() * 1000)} if at > day else {"forecast_num": 1}
        made[name] = ming.publish(a_picture(), name=name, **starts)
        until(partial(is_reviewed_as, "shown", ming, made[name]))
    reserve = made.pop("后备的脐橙")
    Person.log_in(address, "小红").post("/postTask", code=made["昨天的脐橙"])
    for name, code in made.items():
        at = days[name]
        write_record(data_dir, "tasks", code, daily=f"{at:%Y-%m-%d}", starts_at=int(at.timestamp() * 1000))
    return reserve


@pytest.mark.skipif(not AXE.is_file(), reason="npm ci was not run in tests/pages/miniprogram")
def test_axe_finds_nothing_on_stories_finds_practice_and_daily_treasures_and_all_fit(
    window, address, data_dir
):
    ended = story_of(address)
    reserve = dailies(address, data_dir)
    opened = window()
    looked = with_axe(opened, NARROW | PHONE_AT_200)
    page = opened.page
    opened.log_in("小红", digs=False)
    looked.at("practice and daily", "练一锹", "每日一挖", "明天的脐橙", "昨天的脐橙")
    for said in ("挖出了玻璃弹珠", "挖出了铁皮青蛙", "没有奖品"):
        page.get_by_role("button", name="练一锹").click()
        looked.at(f"practice: {said}", said)
    page.get_by_role("button", name="会了").click()
    for path, said in (
        (f"task/{ended}", "奖品全部挖完了"),
        (f"story/{ended}", "挖得最多"),
        ("mine/finds", "表土"),
        ("mine/published", "最近四周的每日一挖"),
    ):
        looked.go(f"/#/{path}", said)
    opened.go(f"/#/story/{ended}")
    page.get_by_role("button", name="故事卡").click()
    looked.at("story card")

    operators = window(path="/ops")
    watched = with_axe(operators)
    enter(operators, "值班员", TOKEN)
    expect(operators.page.locator(".status.fresh")).to_be_visible()
    watched.go(f"/ops#/task/{reserve}", "后备的脐橙")
    operators.page.get_by_role("button", name="定为每日一挖").click()
    watched.at("ops: the daily one", "一天一个")

    assert looked.found + watched.found == []
