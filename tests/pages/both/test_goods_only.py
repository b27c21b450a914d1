"""Both clients, operators' pages, texts, reference of a server for goods only: nothing names red packets."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from support.browser import DESK, PHONE, Person
from support.phone import a_phone
from support.screen import TOKEN, enter
from support.servers import a_server

CHINESE = "红包|微信支付|拼手气|现金|退款|零钱|转账|提现|收款|商户"
ENGLISH = "red[ _]packet|cash|refund|transfer|WeChat Pay"
WORD = re.compile(f".{{0,40}}(?:{CHINESE}|{ENGLISH}).{{0,40}}", re.IGNORECASE)
TREASURES = ("running", "kinds", "won", "sent")
WHERE = {"receiver": "小红", "phone": "13800000001", "address": "广东省深圳市高新南一道 1 号"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for goods only."""
    with a_server(tmp_path_factory.mktemp("goods"), CASH="0", OPS_TOKEN=TOKEN) as running:
        yield running.address


@pytest.fixture(scope="module")
def codes(address: str) -> dict[str, str]:
    """Treasures of 小明: `running`, of several `kinds`, `won` by 小红, `sent` to her; and the `publisher`."""
    ming, hong = (Person.log_in(address, user) for user in ("小明", "小红"))
    kinds = [{"name": name, "prize_num": 2, "draw_type": 2} for name in "甲乙"]
    deep = {"prizes": kinds, "prize_num": 4, "interval": 10, "fluctuation": 1, "forecast_num": 1000}
    found = {
        "running": ming.publish(name="一只熊猫", value=900),
        "kinds": ming.publish(name="几种", **deep, **ming.halves()),
    }
    for name in ("won", "sent"):
        found[name] = ming.publish(name="一箱脐橙", forecast_num=1, value=900)
        hong.post("/postTask", code=found[name])
        hong.claim(found[name], **WHERE)
    ming.post("/shipPrize", code=found["sent"], depth=1, carrier="顺丰速运", number="SF1234567890")
    hong.post("/postTask", code=found["running"])
    found["publisher"] = hong.get("/getTaskDetails", code=found["running"])["data"]["publisher_id"]
    hong.post("/follow", publisher_id=found["publisher"])
    return found


def no_word_in(where: str, text: str) -> None:
    assert [found[0] for found in WORD.finditer(text)] == [], where


def test_where_there_are_goods_only_no_document_names_red_packets(address, codes):
    for path in (f"/{kind}.json?lang={lang}" for kind in ("openapi", "asyncapi") for lang in ("zh", "en")):
        no_word_in(path, httpx.get(address + path).text)
    hong = Person.log_in(address, "小红")
    for parameters in ({}, {"code": codes["sent"]}):
        for name, text in hong.get("/getTexts", **parameters).items():
            no_word_in(f"{name} {parameters}", str(text))


def test_where_there_are_goods_only_no_page_of_the_web_names_red_packets(window, address, codes):
    opened = window(None, "/", viewport=PHONE)

    def look(path: str, *said: str) -> None:
        opened.go(path)
        for text in said:
            expect(opened.page.get_by_text(text).first).to_be_attached()
        opened.page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
        no_word_in(path, opened.page.locator("body").inner_text())

    look("/", "你是谁")
    for user in ("小明", "小红"):
        opened = window(user, viewport=PHONE)
        looks = {"": "一只熊猫", "follows": "关注"} if user == "小红" else {"mine": "设置"}
        if user == "小明":
            looks |= {f"winners/{codes[name]}": "小红" for name in ("won", "sent")}
            looks[f"edit/{codes['kinds']}"] = "保存"  # nobody has dug it yet
        else:
            looks |= {f"mine/{which}": "我" for which in ("dug", "won", "digs", "finds")}
        for path, said in looks.items():
            look(f"/#/{path}", said)
        for name in TREASURES:
            look(f"/#/task/{codes[name]}", "层")
        opened.page.get_by_role("button", name="活动规则").click()
        no_word_in("the rules", opened.page.get_by_role("dialog", name="活动规则").inner_text())
    page = opened.page
    look("/#/publish", "怎么给")
    expect(page.get_by_role("group", name="选一种埋法").get_by_role("radio")).to_have_count(2)
    page.get_by_role("radio", name="更多").check()
    expect(page.get_by_role("group", name="埋什么").get_by_role("radio")).to_have_count(2)
    no_word_in("the whole form", page.locator("main").inner_text())
    assert opened.overflow() <= 0
    look("/#/", "邮寄")
    page.get_by_role("radio", name="预告").check()
    expect(page.get_by_text("这一类现在没有宝贝")).to_be_visible()
    no_word_in("what is announced", page.locator("main").inner_text())
    assert opened.overflow() <= 0


def test_where_there_are_goods_only_no_page_of_operators_names_red_packets(window, codes):
    for locale in ("zh-CN", "en"):
        opened = window(None, "/ops", viewport=DESK, locale=locale)
        enter(opened, "值班员", TOKEN)
        expect(opened.page.locator(".status.fresh")).to_be_visible()
        of_person = f"person/{codes['won']}/1"
        lists = ("list/hidden", "list/featured", "payouts", "reports", "reviews", "log", "search/熊猫")
        for path in ("", f"task/{codes['running']}", of_person, f"prize/{codes['won']}/1", *lists):
            opened.go(f"/ops#/{path}")
            expect(opened.page.locator("#page h1").first).to_be_attached()
            opened.page.wait_for_load_state("networkidle")
            no_word_in(path, opened.page.locator("body").inner_text())
        opened.go(f"/ops#/paid/{codes['won']}/1")
        expect(opened.page.locator(".charts")).to_be_visible()  # there is no such page
    expect(opened.page.get_by_role("heading", name="Tasks that matter now")).to_be_visible()
    assert opened.page.locator("html").get_attribute("lang") == "en"


@pytest.mark.usefixtures("phones")
def test_where_there_are_goods_only_no_page_of_the_mini_program_names_red_packets(address, codes):
    for user in ("小明", "小红"):
        with a_phone(address, user) as phone:
            pages = ["square/square", "publish/publish", "mine/mine"]
            pages += [f"texts/texts?which={which}" for which in ("agreement", "privacy")]
            pages += [f"treasure/treasure?code={codes[name]}" for name in TREASURES]
            pages += [f"publisher/publisher?by={codes['publisher']}", f"fair/fair?code={codes['sent']}"]
            if user == "小明":
                pages += [f"winners/winners?code={codes['sent']}", f"edit/edit?code={codes['kinds']}"]
            for page in pages:
                phone.open(f"/pages/{page}")
                phone.until("answered")
                no_word_in(page, phone.shows())
    with a_phone(address, "老王") as phone:  # who can choose no red packet
        phone.open("/pages/publish/publish")
        phone.until("answered", lambda told: told["path"] == "/getMyInfo")
        phone.press("更多")
        phone.fill("每份值多少元", "801")
        phone.shows("由你这个主办者代扣代缴")
        phone.fire(".kind", "change", value="2")
        no_word_in("several kinds", phone.shows("奖品：几种奖品", "再加一种"))
