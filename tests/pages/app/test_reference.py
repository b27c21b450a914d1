"""`/docs`: a vendored library shows the whole description, offline and under the content security policy."""

import gzip
import hashlib
import re
from typing import Literal
from urllib.parse import urlsplit

import httpx

from handlers.pages import STATIC
from support.browser import DESK, PHONE

LIBRARY = STATIC / "docs" / "swagger-ui"
DISK_BYTES = 1_500_000


def test_the_library_is_small_and_is_what_its_readme_says():
    files = [path for path in (STATIC / "docs").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < DISK_BYTES
    said = dict(re.findall(r"`([0-9a-f]{64})` \| `(.+)`", (LIBRARY / "README.md").read_text("utf-8")))
    kept = {path: gzip.decompress(path.read_bytes()) for path in LIBRARY.glob("*.gz")}
    assert {hashlib.sha256(body).hexdigest(): path.stem for path, body in kept.items()} == said
    assert {path.name for path in LIBRARY.glob("LICENSE*")} == {"LICENSE", "LICENSES.txt"}


# Labels, read out or shown, that the library has only in English.
ENGLISH = """() => [
    ...[...document.querySelectorAll("#reference button, #reference select, #reference input")]
        .flatMap(each => ["title", "aria-label"].map(name => each.getAttribute(name))),
    ...[...document.querySelectorAll("#reference :is(td.col_header, .btn, h4, label, i, small)")]
        .map(each => each.innerText),
].filter(text => /[a-z]{3}/.test(text ?? '') && !/\\p{Script=Han}|\\//u.test(text))"""


def test_each_interface_message_and_frame_is_drawn_and_nothing_is_asked_elsewhere(window, address):
    opened = window(path="/healthz")
    page = opened.page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error(e.violatedDirective, e.blockedURI))"
    )
    interfaces, channel = (httpx.get(f"{address}/{name}.json").json() for name in ("openapi", "asyncapi"))
    names = [message["name"] for message in channel["components"]["messages"].values()]

    def look(part: str, language: str, scheme: Literal["dark", "light"], drawn: list[str]) -> None:
        page.emulate_media(color_scheme=scheme)
        opened.go(f"/docs?lang={language}&part={part}")
        page.locator(".opblock-summary-control").nth(1).click()
        page.locator(".opblock-body pre").first.wait_for()
        shown = page.locator(".opblock-summary-path").all_inner_texts()
        assert sorted(text.replace("\u200b", "").strip() for text in shown) == sorted(drawn)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            assert opened.overflow() == 0

    look("websocket", "en", "dark", ["/ws", *names])
    look("interfaces", "zh", "light", [*interfaces["paths"]])
    texts = page.locator("[id$=GetTexts]")
    texts.locator(".opblock-summary-control").click()
    texts.get_by_role("button", name="试一试").click()
    assert set(page.evaluate(ENGLISH)) == set()
    after = "name => getComputedStyle(name, '::after').content"
    assert page.locator(".parameter__name.required").first.evaluate(after) == '"必填"'
    with page.expect_response("**/getTexts") as replied:
        page.get_by_role("button", name="发送").click()
    assert replied.value.json()["status"] == 0
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("data:")}
    assert hosts == {urlsplit(address).netloc}
