"""The pages about checks, reports, bans and held payouts; and all pages as axe sees them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ViewportSize, expect

from server.game.amounts import BEIJING
from support import SOURCE
from support.browser import CONTRASTS, CUT, DESK, Person, Window, show_all_fields, write_record
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
# Where nothing may be cut off, or scroll sideways. The last are as wide as a phone and a desk at 200 %.
SIZES: tuple[ViewportSize, ...] = (
    DESK,
    {"width": 320, "height": 568},
    {"width": 180, "height": 370},
    {"width": 740, "height": 360},
)
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


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its stores."""
    return tmp_path_factory.mktemp("moderation")


@pytest.fixture(scope="module")
def address(data_dir: Path) -> Iterator[str]:
    """The address of a server that checks contents and sends messages."""
    with a_server(data_dir, **CHECKED, **MESSAGES, OPS_TOKEN=TOKEN) as running:
        yield running.address


def reviewed(who: Person, name: str, **asked: Any) -> str:
    """Publish goods, and wait until their check is over; return the code."""
    code = who.publish(name=name, **asked)
    until(lambda: who.get("/getTaskDetails", code=code)["review"] in ("shown", "held", "refused"))
    return code


@pytest.fixture(scope="module")
def codes(address: str, data_dir: Path) -> dict[str, str]:
    """The codes of treasures by name. FRAUD is a red packet; STOLEN was won; other names say enough."""
    hong, ming, xiong = (Person.log_in(address, user) for user in ("小红", "小明", "大熊"))
    made = {
        DOUBTFUL: reviewed(hong, DOUBTFUL, synopsis="【存疑】加微信 abc123 领取"),
        REFUSED: reviewed(hong, REFUSED, synopsis="【违规】的话"),
        REPORTED: reviewed(ming, REPORTED, synopsis="加群领取，先到先得。"),
        STOLEN: reviewed(hong, STOLEN, forecast_num=1),
    }
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
def seen(address: str, data_dir: Path, codes: dict[str, str]) -> dict[str, str]:
    """The treasures that axe looks at: `story` was dug to its end, 小红 dug the daily one of yesterday."""
    hong, ming, qiang, duo = (Person.log_in(address, user) for user in ("小红", "小明", "阿强", "朵朵"))
    kinds = [{"name": "头奖", "prize_num": 1}, {"name": "二等奖", "prize_num": 2}]
    many = {"prize_num": 3, "prizes": json.dumps(kinds), "interval": 2_000, "fluctuation": 0}
    many |= {"forecast_num": 6_000, "cd": 60, "synopsis": "x" * 400, "wxname": "W" * 32}
    three = {"prize_num": 3, "interval": 3, "fluctuation": 0, "forecast_num": 9, "cd": 0}
    at_eight = datetime.now(BEIJING).replace(hour=20, minute=0, second=0, microsecond=0)
    yesterday, tomorrow = (at_eight + timedelta(days=days) for days in (-1, 1))
    later = {"starts_at": int(tomorrow.timestamp() * 1000)}
    made = {
        "running": reviewed(ming, "running", **many, **ming.halves()),
        "won": reviewed(ming, "won", forecast_num=1),
        "mine": reviewed(hong, "mine", prize_num=5, interval=1, fluctuation=0, forecast_num=5),
        "story": reviewed(ming, "三只脐橙", **three),
        "yesterday": reviewed(ming, "昨天的脐橙", forecast_num=1),
        "tomorrow": reviewed(ming, "明天的脐橙", **later),
        "upcoming": reviewed(ming, "后备的脐橙", **later),
    }
    qiang.post("/postTask", code=made["mine"])
    qiang.claim(made["mine"], **ADDRESS)
    hong.post("/postTask", code=made["yesterday"])
    for name, at in (("yesterday", yesterday), ("tomorrow", tomorrow)):
        begins = int(at.timestamp() * 1000)
        write_record(data_dir, "tasks", made[name], daily=f"{at:%Y-%m-%d}", starts_at=begins)
    diggers = (hong, qiang, duo)
    while all(each.error_of("/postTask", code=made["story"]) != "ended" for each in diggers):
        pass
    for each in diggers:
        each.claim(made["story"], **ADDRESS)
        each.post("/thank", code=made["story"], sign="heart")
    return codes | made


@pytest.fixture
def options() -> dict[str, Any]:
    """Nothing moves: while a colour changes, it is not the one to look at."""
    return {"reduced_motion": "reduce"}


class Looked:
    """A window whose pages axe checks, and what axe found."""

    def __init__(self, window: Window, *sizes: ViewportSize) -> None:
        """Put axe into the window's pages, whose policy does not let them load axe themselves."""
        window.page.add_init_script(path=AXE)
        window.page.reload()
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
        for size in self.sizes:
            page.set_viewport_size(size)
            self.found += [f"{name}, {size}, cut: {each}" for each in page.evaluate(CUT)]
            if (wider := self.window.overflow()) > 0:
                self.found.append(f"{name}, {size}: {wider} px too wide")
        page.set_viewport_size(before)

    def go(self, path: str, *said: str) -> None:
        """Open a path, and let axe check the page."""
        self.window.go(path)
        self.at(path, *said)


@pytest.mark.skipif(not AXE.is_file(), reason="npm ci was not run in tests/pages/miniprogram")
def test_axe_finds_nothing_on_any_page_in_either_theme_all_fit_and_say_what_checks_found(window, seen):
    opened = window()
    looked = Looked(opened, *SIZES[1:])
    page = opened.page
    looked.at("login", "你是谁")
    page.get_by_role("button", name="隐私政策").click()
    looked.at("privacy policy", "我们是")
    page.get_by_role("button", name="关闭").click()
    opened.log_in("小红", digs=False)

    looked.at("practice, daily, square", "练一锹", "每日一挖", "明天的脐橙", "昨天的脐橙", "running")
    for said in ("小玩意“玻璃弹珠”", "小玩意“铁皮青蛙”", "没有奖品"):
        page.get_by_role("button", name="练一锹").click()
        expect(page.locator("main")).to_contain_text(said)
    looked.at("practised")
    page.get_by_role("button", name="会了").click()
    opened.go("/#/")
    page.get_by_role("radio", name="预告").check()
    looked.at("what is announced", "后备的脐橙")
    looked.go(f"/#/task/{seen['upcoming']}", "开挖")
    opened.go(f"/#/task/{seen['running']}")
    dig = page.locator(".dig[data-kind=ready]")
    looked.at("running", "头奖", "挖一锹")
    dig.click()
    expect(page.locator(".dig[data-kind=cooling]")).to_be_visible()
    looked.at("cooling", "头奖")
    page.get_by_role("button", name="举报").click()
    looked.at("report", "色情低俗")
    opened.go(f"/#/task/{seen['won']}")
    page.locator(".dig").click()
    looked.at("win", "恭喜，你挖到了！")
    page.get_by_role("button", name="去领取").click()
    page.get_by_role("button", name="验证这次抽奖").click()
    looked.at("claim and proof", "收货人", "验证通过")
    page.get_by_role("button", name="活动规则").click()
    looked.at("rules", "每人最多得一份")

    opened.go("/#/publish")
    looked.at("publish what", "一件东西：")
    page.get_by_role("radio", name="群红包").check()
    looked.at("publish a packet", "塞钱进红包")
    page.get_by_role("radio", name="一件东西").check()
    looked.at("publish a thing", "埋下宝贝")
    show_all_fields(page)
    page.get_by_label("物品名").fill(" ")
    page.get_by_role("button", name="埋下宝贝").click()
    looked.at("publish, refused", "埋下宝贝")
    page.get_by_role("radio", name="几种、拼手气").check()
    looked.at("publish kinds", "第 1 种")

    opened.go(f"/#/task/{seen[REFUSED]}")
    expect(page.locator(".ending")).to_contain_text("没有通过内容检查")
    looked.go(f"/#/task/{seen[DOUBTFUL]}", "正在等平台的人看一看")
    expect(page.get_by_role("button", name="分享")).to_have_count(0)
    expect(page.locator(".cheers")).to_be_hidden()  # nobody else is there to see them
    looked.go(f"/#/edit/{seen[DOUBTFUL]}", "保存")
    looked.go(f"/#/task/{seen['mine']}", "中奖者和发奖")
    looked.go(f"/#/winners/{seen['mine']}", ADDRESS["address"])
    table = "深度,中奖者,快递公司,运单号\n9,阿强,中通,ZT12345678\n".encode()
    upload = page.get_by_label("上传填好快递的表格")
    upload.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    looked.at("a table, refused", "没有记下")
    looked.go("/#/mine/published", DOUBTFUL, "最近四周的每日一挖")
    page.get_by_role("button", name="改名字和头像").click()
    looked.at("name", "保存")
    page.get_by_role("textbox", name="名字").fill("【存疑】的名字")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main .review")).to_contain_text("新的名字和头像正在")
    for which, said in (("dug", "running"), ("digs", "第"), ("won", "won"), ("finds", "表土")):
        looked.go(f"/#/mine/{which}", said)
    opened.go(f"/#/task/{seen['won']}")
    page.locator("a.by").first.click()
    page.get_by_role("button", name="关注").click()
    looked.at("publisher", "取消关注", "running")
    looked.go("/#/follows", "小明")
    looked.go(f"/#/task/{seen['story']}", "奖品全部挖完了")
    looked.go(f"/#/story/{seen['story']}", "挖得最多")
    page.get_by_role("button", name="故事卡").click()
    looked.at("story card")

    operators = window(path="/ops")
    watched = Looked(operators, *SIZES[:2])
    watched.at("operators' login", "运营登录")
    enter(operators, "值班员", TOKEN)
    expect(operators.page.locator(".status.fresh")).to_be_visible()
    expect(operators.page.locator(".tasks .name", has_text="开工大吉")).to_be_visible()
    watched.at("operators' screen")
    for path, *texts in (
        (f"task/{seen['running']}", "running"),
        (f"person/{seen[REPORTED]}/1", "大熊", "用脚本挖宝"),
        ("search/阿强", "阿强"),
        ("list/held", "开工大吉"),
        ("payouts", "8.00", "像是刷奖", "用脚本挖到的"),
        (f"paid/{seen[FRAUD]}/1", "谁付给了谁"),
        ("reports", REPORTED),
        ("reviews", DOUBTFUL),
        ("log", "值班员"),
    ):
        watched.go(f"/ops#/{path}", *texts)

    operators.go("/ops#/reviews")
    # Wait for the list of reviews: the dashboard names the treasure, too, but has no such keys.
    expect(operators.page.locator(".reviews")).to_contain_text(DOUBTFUL)
    for key in "ar":  # the key that decides is not written into the reason
        operators.page.keyboard.press(key)
        expect(operators.page.get_by_label("理由")).to_be_focused()
        operators.page.keyboard.type("看过了")
        expect(operators.page.get_by_label("理由")).to_have_value("看过了")
        operators.page.get_by_role("dialog").get_by_role("button", name="取消").click()
        expect(operators.page.get_by_role("dialog")).to_have_count(0)
    operators.go(f"/ops#/task/{seen['upcoming']}")
    operators.page.get_by_role("button", name="定为每日一挖").click()
    watched.at("what an act asks", "一天一个", "理由")

    assert looked.found + watched.found == []
