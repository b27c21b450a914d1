"""The moment of a dig that wins, on a CPU four times slower: how long its frames take.

    python bench/moment.py [--slower 4] [--rounds 5] [--miniprogram]

Needs the `test` extra and Chromium, and for the mini-program the packages that run it
(`tests/pages/miniprogram`). Each round presses the button of a treasure whose first dig wins, on a
phone's screen, and traces the page over CDP while the coins fall. Prints three times: from the press until
the shovel moved, between two frames that were shown, and the CPU time of a task of the page. For each of the
three, the longest time in a round counts, and the median over the rounds is printed. Exits with 1 if the
press took over 50 ms, or one of the others over 32 ms, in the mini-program over 50 ms: there, a press goes to
the thread of the program first, here a process of Node. Other work on the machine makes the times longer.

A frame counts at the time at which it is shown, not at which the compositor draws it (`DrawFrame`). The
compositor draws at once if the page changes nothing, and otherwise waits for the page as long as it may. So
frames that are shown 17 ms apart can be drawn up to 32 ms apart.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from playwright.sync_api import Browser, CDPSession

from parts.drawings import draw, oranges
from parts.table import Row, spread
from support.browser import PHONE, Person, Window, a_browser, open_window
from support.phone import Phone, PhonesProcess, a_phone, compile_program
from support.servers import a_server

MOST_PRESS_MS = 50.0
MOST_FRAME_MS = 32.0
MOST_MINI_MS = 50.0
LASTS_MS = 1500  # how long the dialog moves after it opened
CATEGORIES = (
    "devtools.timeline",  # has UpdateLayoutTree
    "disabled-by-default-devtools.timeline",  # RunTask
    "disabled-by-default-display.framedisplayed",
)
# Records when the shovel moves.
NOTE_PRESS = """() => document.querySelector(".dig").addEventListener("click", ({ timeStamp }) => {
    const look = () => {
        const moves = document.querySelector(".blade").getAnimations().length > 0;
        if (moves) window.took = performance.now() - timeStamp;
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""
# The button once it may be pressed, in either client, and what a win shows.
READY = ".dig:is(.ready, [data-kind=ready])"
WON = ":is(.won .primary, .ground .go)"


def open_treasure(browser: Browser, address: str, number: int, opened: ExitStack | None) -> Window:
    """Publish a treasure whose first dig wins, and open it as somebody who digs by hand.

    It opens in the mini-program if `opened` is given, which ends the phone.
    """
    code = Person.log_in(address, "小明").publish(draw(oranges), name="一箱赣南脐橙", forecast_num=1)
    window = open_window(browser, address, viewport=PHONE)
    if opened:
        phone = opened.enter_context(a_phone(address, f"路人{number}", storage={"wabao.opens": "waits"}))
        phone.open(f"/pages/treasure/treasure?code={code}")
        window.page.goto(phone.screen())
    else:
        window.go("/")
        window.log_in(f"路人{number}", digs=False)
        window.go(f"/#/task/{code}")
    window.page.locator(READY).wait_for()
    window.page.wait_for_load_state("load" if opened else "networkidle")
    return window


class Win(NamedTuple):
    """The milliseconds until the shovel moved and between frames, and the CPU time of the page's tasks."""

    took_ms: float
    frames_ms: list[float]
    tasks_ms: list[float]


def traced_win(window: Window, slower: float) -> Win:
    """Press, and trace what happens until the coins have fallen."""
    page = window.page
    page.evaluate(NOTE_PRESS)
    _point_at(window, ".dig")
    devtools = window.context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    events: list[dict[str, Any]] = []
    devtools.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    chosen = {"includedCategories": CATEGORIES}
    devtools.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": chosen})
    page.mouse.down()
    page.mouse.up()
    page.locator(WON).wait_for()  # a locator by role would hold the page for more than a frame
    page.wait_for_timeout(LASTS_MS)
    _end_tracing(window, devtools)
    shown_us = sorted(event["ts"] for event in events if event["name"] == "Display::FrameDisplayed")
    return Win(
        page.evaluate("took"),
        [(later - sooner) / 1000 for sooner, later in itertools.pairwise(shown_us)],
        list(_tasks_ms(events)),
    )


def _tasks_ms(events: list[dict[str, Any]]) -> Iterator[float]:
    """Yield the CPU time of each task of the page's main thread: the thread with the most layout updates."""
    threads = Counter((event["pid"], event["tid"]) for event in events if event["name"] == "UpdateLayoutTree")
    [(main, _)] = threads.most_common(1)
    for event in events:
        if event["name"] == "RunTask" and (event["pid"], event["tid"]) == main:
            yield event.get("tdur", 0) / 1000


def _point_at(window: Window, selector: str) -> None:
    """Move the mouse there. A locator's `click` would do so too, but look in the page at what it hits."""
    box = window.page.locator(selector).bounding_box()
    assert box is not None
    window.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def _end_tracing(window: Window, devtools: CDPSession) -> None:
    complete: list[object] = []
    devtools.on("Tracing.tracingComplete", lambda told: complete.append(told))
    devtools.send("Tracing.end")
    while not complete:
        window.page.wait_for_timeout(20)


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--slower", type=float, default=4)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--miniprogram", action="store_true")
    asked = arguments.parse_args()
    most_ms = MOST_MINI_MS if asked.miniprogram else MOST_FRAME_MS
    wins = list[Win]()
    with (
        tempfile.TemporaryDirectory() as directory,
        a_server(Path(directory)) as server,
        a_browser() as browser,
        ExitStack() as opened,
    ):
        if asked.miniprogram:
            Phone.plays = PhonesProcess(compile_program(Path(directory) / "miniprogram"))
            opened.callback(Phone.plays.end)
        for number in range(asked.rounds):
            window = open_treasure(browser, server.address, number, opened if asked.miniprogram else None)
            wins.append(traced_win(window, asked.slower))
            window.context.close()
    every = [frame_ms for win in wins for frame_ms in win.frames_ms]
    rows = [
        spread("from the press until the shovel moves", [win.took_ms for win in wins], "ms", MOST_PRESS_MS),
        spread("the longest time between two frames", [max(win.frames_ms) for win in wins], "ms", most_ms),
        Row("the same, p99 of all frames", statistics.quantiles(every, n=100)[98], "ms"),
        Row("the same, median of all frames", statistics.median(every), "ms", note=f"{len(every)} frames"),
        spread("the longest task of the page, CPU", [max(win.tasks_ms) for win in wins], "ms", most_ms),
    ]
    print(*rows, f"  [load average {os.getloadavg()[0]:.1f}]", sep="\n")
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
