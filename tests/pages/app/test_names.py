"""Names that are hard to show: right to left, invisible, long, or with many combining signs."""

from playwright.sync_api import ViewportSize, expect

from support.browser import DESK, PHONE, Person
from support.client import a_picture

TABLET: ViewportSize = {"width": 720, "height": 1000}
ADDRESS = {"receiver": "王强", "phone": "13800000001", "address": "深圳市南山区科技路 1 号"}
HARD = "שלום عبد الله يا", "😀" * 32, "W" * 32, "Z\u0335\u0336\u0337a" * 6, "a\u200b\u202eb" * 8


def test_names_of_any_kind_break_no_page(window, address):
    people = [Person.log_in(address, f"难{at}") for at in range(len(HARD))]
    for person, name in zip(people, HARD, strict=True):
        person.post("/setProfile", wxname=name)
    owner, *diggers = people
    kinds = [{"name": "🎁" * 20, "prize_num": 2}, {"name": "\u05d0" * 20, "prize_num": 2}]
    half = {"sealed_seed": owner.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}
    several = {"prize_num": 4, "interval": 1, "fluctuation": 0, "forecast_num": 4, "prizes": kinds}
    code = owner.publish(a_picture(), name="🏺" * 50, synopsis="W" * 300, **several, **half)
    for digger in diggers:
        digger.post("/postTask", code=code)
        digger.claim(code, **ADDRESS)
    running = owner.publish(a_picture(), name="\u05d0\u0644" * 25, wxname="签" * 32, cd=60)
    diggers[0].post("/postTask", code=running)
    by = diggers[0].get("/getTaskDetails", code=code)["publisher_id"]
    diggers[0].post("/follow", publisher_id=by)
    looks = {
        "难0": [f"task/{code}", f"winners/{code}"],
        "难1": ["", f"task/{code}", f"task/{running}", f"by/{by}", "follows", "mine/won", "mine/digs"],
    }
    for user, paths in looks.items():
        opened = window(user, digs=False)
        for path in paths:
            opened.go(f"/#/{path}")
            expect(opened.page.locator("main h1").first).to_be_visible()
            expect(opened.page.locator("main .blank", has_text="正在读取")).to_have_count(0)
            opened.page.wait_for_load_state("networkidle")
            for size in (DESK, TABLET, PHONE):
                opened.page.set_viewport_size(size)
                assert opened.overflow() <= 0, (user, path)


def test_a_publishers_name_can_be_read_however_narrow_the_page_is(window, publisher):
    code = publisher.publish(a_picture())
    opened = window("路人", f"/#/task/{code}", digs=False)
    name = opened.page.locator(".heading .publisher .name")
    expect(name).to_have_text("小明")
    for width in (360, 240):  # the latter is also 360 at 150 %
        opened.page.set_viewport_size({"width": width, "height": 740})
        assert name.evaluate("name => name.clientWidth >= name.scrollWidth && name.clientWidth > 20"), width
        assert opened.overflow() <= 0
