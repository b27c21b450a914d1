"""Names that are hard to show: right to left, invisible, long, or with many combining signs."""

from playwright.sync_api import expect

from support.browser import DESK, PHONE, Person, write_record
from support.screen import IN_ORDER

ADDRESS = {"receiver": "王强", "phone": "13800000001", "address": "深圳市南山区科技路 1 号"}
HARD = "שלום عبد الله يا", "😀" * 32, "W" * 32, "Z\u0335\u0336\u0337a" * 6, "a\u200b\u202eb" * 8
TURNED = "\u2069\u202eevil 12"  # ends an isolate, then reverses the direction of the text after it


def test_names_of_any_kind_break_no_page(window, address, shared):
    people = [Person.log_in(address, f"难{at}") for at in range(len(HARD))]
    for person, name in zip(people, HARD, strict=True):
        person.post("/setProfile", wxname=name)
    owner, *diggers = people
    kinds = [{"name": "🎁" * 20, "prize_num": 2}, {"name": "\u05d0" * 20, "prize_num": 2}]
    several = {"prize_num": 4, "interval": 1, "fluctuation": 0, "forecast_num": 4, "prizes": kinds}
    code = owner.publish(name="🏺" * 50, synopsis="W" * 300, **several, **owner.halves())
    for digger in diggers:
        digger.post("/postTask", code=code)
        digger.claim(code, **ADDRESS)
    signed = owner.publish(name="\u05d0\u0644" * 25, wxname="签" * 32, cd=60)
    by = diggers[0].get("/getTaskDetails", code=code)["publisher_id"]
    diggers[0].post("/follow", publisher_id=by)
    looks = {
        "难0": [f"winners/{code}"],
        "难1": ["", f"task/{code}", f"by/{by}", "follows", "mine/won", "mine/digs", f"task/{signed}"],
    }
    for user, paths in looks.items():
        opened = window(user, "/healthz", digs=False)
        page = opened.page
        for path in paths:
            opened.go(f"/#/{path}")
            expect(page.locator("main h1").first).to_be_visible()
            expect(page.locator("main .blank", has_text="正在读取")).to_have_count(0)
            page.wait_for_load_state("networkidle")
            for size in (DESK, PHONE):
                page.set_viewport_size(size)
                assert opened.overflow() <= 0, (user, path)
    publisher = page.locator("p.publisher")
    mark = publisher.locator(".signed")
    expect(mark).to_have_text("署名")
    expect(publisher.locator("img")).to_have_count(0)  # a signature is not the publisher's name
    assert mark.evaluate("mark => mark.compareDocumentPosition(mark.parentNode.querySelector('.name'))") == 4
    write_record(shared.data_dir, "people", diggers[1].id, nickName=TURNED)
    diggers[1].post("/postTask", code=signed)
    said = page.locator(".said")
    expect(said).to_contain_text("来挖了一锹")
    assert said.evaluate(IN_ORDER, "来挖了一锹") is True
