"""The first view of a treasure, on a CPU four times slower and a slow network: when it can be played.

    python bench/first_view.py [--slower 4] [--megabits 1.6] [--latency-ms 0] [--rounds 5]

Needs the `test` extra and Chromium. Each round opens a treasure by its address on a phone's screen, with
nothing in the browser's cache, as somebody who is logged in and digs by hand. Prints the time until the
button that digs could be pressed, and how many bytes came, compressed and without the heads of replies; the
medians over the rounds. Exits with 1 if it took over 2.5 s, or if over 90 KB came, pictures apart. Other
work on the machine makes the times longer.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before tests/, which has a handlers/ too

from playwright.sync_api import Browser

from parts.drawings import draw, oranges
from parts.table import spread
from support.browser import PHONE, Person, a_browser, open_window
from support.servers import a_server

MOST_SECONDS = 2.5
MOST_KILOBYTES = 90
PERSON = "sessionStorage.getItem('wabao.person')"
# Notes when the button first says that it may be pressed.
NOTE_READY = """new MutationObserver(() => {
    if (document.querySelector(".dig[data-kind=ready]")) window.ready ??= performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true })"""


class View(NamedTuple):
    """What a first view transferred, pictures apart and pictures alone, and when it could be played."""

    kilobytes: float
    pictures_kilobytes: float
    seconds: float


def first_view(browser: Browser, address: str, path: str, person: str, asked: argparse.Namespace) -> View:
    """Open a treasure in a window that has nothing but the person."""
    window = open_window(browser, address, viewport=PHONE)
    window.context.add_init_script(f"sessionStorage.setItem('wabao.person', {person!r}); {NOTE_READY}")
    devtools = window.context.new_cdp_session(window.page)
    pictures = set[str]()
    received = Counter[str]()
    devtools.on("Network.responseReceived", lambda event: _note_picture(event, pictures))
    devtools.on(
        "Network.dataReceived",
        lambda event: received.update({event["requestId"]: event["encodedDataLength"]}),
    )
    devtools.send("Network.enable")
    bytes_a_second = asked.megabits * 1e6 / 8
    slow = {"downloadThroughput": bytes_a_second, "uploadThroughput": bytes_a_second}
    devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": asked.latency_ms, **slow})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": asked.slower})
    window.go(path)
    window.page.locator(".dig[data-kind=ready]").wait_for()
    window.page.wait_for_load_state("networkidle")
    seconds = window.page.evaluate("ready") / 1000
    window.context.close()
    of_pictures = sum(size for request, size in received.items() if request in pictures)
    return View((sum(received.values()) - of_pictures) / 1000, of_pictures / 1000, seconds)


def _note_picture(event: dict[str, Any], pictures: set[str]) -> None:
    if event["type"] == "Image" and event["response"]["mimeType"] != "image/svg+xml":
        pictures.add(event["requestId"])


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--slower", type=float, default=4)
    arguments.add_argument("--megabits", type=float, default=1.6)
    arguments.add_argument("--latency-ms", type=float, default=0)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        a_server(Path(directory)) as server,
        a_browser() as browser,
    ):
        code = Person.log_in(server.address, "小明").publish(
            draw(oranges), name="一箱赣南脐橙", forecast_num=9
        )
        window = open_window(browser, server.address, viewport=PHONE)
        window.go("/")
        window.log_in("阿强", digs=False)
        person = window.page.evaluate(PERSON)
        views = [
            first_view(browser, server.address, f"/#/task/{code}", person, asked) for _ in range(asked.rounds)
        ]
    rows = [
        spread("until it can be played", [view.seconds for view in views], "s", MOST_SECONDS),
        spread("what came, pictures apart", [view.kilobytes for view in views], "KB", MOST_KILOBYTES),
        spread("its pictures", [view.pictures_kilobytes for view in views], "KB"),
    ]
    print(*rows, f"  [load average {os.getloadavg()[0]:.1f}]", sep="\n")
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
