"""Draws the mini-program's icons from the web page's: `python -m devtools.brand`.

WXML has no SVG, so icons in a page are masks of a style sheet (`icons.wxss`), in the colour of the text
around them. The tab bar takes only PNG (at most 40 KB, 81 × 81), a file for each theme and state, in the
colours of `theme.json`; Chromium draws these.
"""

import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parents[1] / "static"
PROGRAM = STATIC / "miniprogram"
TABS = ("square", "publish", "mine")
TAB_PX = 81
_PATH = re.compile(r'^  (\w+): "([^"]+)",$', re.MULTILINE)
SIGNS = ("heart", "fire", "clover", "laugh", "wow")
IN_PAGES = ("share", "shovel", "lock", "watchers", *SIGNS, "star", "trophy", "picture", "square")


def paths() -> dict[str, str]:
    """Return the icons of the web page: by name, an SVG path in 24 × 24."""
    source = (STATIC / "app" / "dom.js").read_text("utf-8")
    return dict(_PATH.findall(source.partition("const PATHS")[2]))


def drawing(path: str, colour: str, width: float, side: int | str = 24) -> str:
    """Return an icon as SVG."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'width="{side}" height="{side}" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-linejoin="round"><path d="{path}"/></svg>'
    )


def style_sheet() -> str:
    """Return the icons of pages as a style sheet."""
    known = paths()
    masks = {name: quote(drawing(known[name], "#000", 1.8), safe="=:/ ,") for name in IN_PAGES}
    rules = [
        f'.icon.{name} {{ -webkit-mask-image: url("data:image/svg+xml,{mask}"); }}'
        for name, mask in masks.items()
    ]
    head = "/* Made by `python -m devtools.brand` from the icons of the web page. */"
    shape = "display: inline-block; flex: none; width: 24px; height: 24px; vertical-align: middle;"
    paint = "background: currentColor;"
    mask = "-webkit-mask-position: center; -webkit-mask-repeat: no-repeat; -webkit-mask-size: contain;"
    return "\n".join([head, f".icon {{ {shape} {paint} {mask} }}", *rules, ""])


def draw_tabs() -> None:
    """Draw the icons of the tab bar."""
    folder = PROGRAM / "icons"
    folder.mkdir(exist_ok=True)
    known = paths()
    themes = json.loads((PROGRAM / "theme.json").read_text("utf-8"))
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": TAB_PX, "height": TAB_PX})
        for theme, colours in themes.items():
            for name in TABS:
                for state, colour, width in (("", "soft", 1.7), ("-chosen", "accent", 2.3)):
                    svg = drawing(known[name], colours[colour], width, TAB_PX)
                    page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
                    page.screenshot(path=folder / f"{name}{state}-{theme}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    (PROGRAM / "icons.wxss").write_text(style_sheet(), "utf-8")
    draw_tabs()
