"""Phones on which the mini-program runs: Node with miniprogram-simulate, over the real interfaces."""

import itertools
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from support import SOURCE
from support.browser import ZONE
from support.login import log_in

PATIENCE_SECONDS = 60
NODE = shutil.which("node")
HERE = SOURCE / "tests" / "pages" / "miniprogram"
ROOT = SOURCE / "static" / "miniprogram"


def why_not() -> str:
    """Return why no phone can run here, or ""."""
    if NODE is None:
        return "no node: install Debian's packages nodejs and npm"
    asked = [NODE, "--experimental-websocket", "-p", "typeof WebSocket"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE_SECONDS).stdout
    if said.strip() != "function":
        return "this node has no WebSocket: 20.10 or newer is needed"
    if not (HERE / "node_modules" / "miniprogram-simulate").is_dir():
        return f"npm ci was not run in {HERE.relative_to(SOURCE)}"
    return ""


WHY_NOT = why_not()


def compile_program(target: Path) -> Path:
    """Copy the mini-program to a new folder, compile its modules there, and return the folder."""
    assert NODE is not None
    shutil.copytree(ROOT, target)
    subprocess.run([NODE, "compile.js", str(target)], cwd=HERE, check=True, timeout=4 * PATIENCE_SECONDS)
    return target


class PhonesProcess:
    """The process that plays phones, from the folder of the compiled mini-program."""

    def __init__(self, root: Path) -> None:
        assert NODE is not None
        self._process = subprocess.Popen(
            [NODE, "--experimental-websocket", "--no-warnings", "phone.js", str(root)],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TZ": ZONE},
        )
        self._numbers = itertools.count()
        self._lines: dict[int, Queue[dict[str, Any] | None]] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def add(self) -> tuple[int, Queue[dict[str, Any] | None]]:
        """Return a new phone's number and the queue of its lines. A None: the process has ended."""
        number = next(self._numbers)
        self._lines[number] = Queue()
        return number, self._lines[number]

    def remove(self, number: int) -> None:
        """Stop listening to a phone."""
        del self._lines[number]

    def order(self, number: int, **order: Any) -> None:
        """Give a phone an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"phone": number, **order}) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told: dict[str, Any] = json.loads(line)
            if lines := self._lines.get(told.pop("phone")):  # a phone that was removed has no queue
                lines.put(told)
        for lines in list(self._lines.values()):
            lines.put(None)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._reader.join()
        self._process.communicate()


class Phone:
    """The mini-program on a person's phone. `said` has the lines read so far; `plays` runs all phones."""

    plays: PhonesProcess

    def __init__(self, server: str, user: str, picture: str, stored: dict[str, Any]) -> None:
        self.said: list[dict[str, Any]] = []
        self._text = ""
        self._number, self._lines = self.plays.add()
        self._order(do="on", server=server, user=user, picture=picture, stored=stored)

    def until(self, kind: str, holds: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Read up to the next line of type `kind` for which `holds` is true, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while told := self._next(deadline):
            self.said.append(told)
            if told["type"] == "shown":
                self._text = told["text"]
            assert told["type"] != "wrong", told["error"]
            if told["type"] == kind and holds(told):
                return told
        pytest.fail(f"it did not say {kind}: {self.said[-20:]}")

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """Return the phone's next line; None if no line comes any more."""
        try:
            return self._lines.get(timeout=max(0, deadline - time.monotonic()))
        except Empty:
            return None

    def shows(self, *texts: str) -> str:
        """Wait until the page shows all these texts, and return its whole text."""
        shown = self.until("shown", lambda told: all(text in told["text"] for text in texts))
        return str(shown["text"])

    def digs(self) -> list[tuple[str, int]]:
        """Return type and seq of the frames `cd` and `join` that the page got until now."""
        frames = [told["frame"] for told in self.said if told["type"] == "frame"]
        return [(frame["type"], frame["seq"]) for frame in frames if frame["type"] in ("cd", "join")]

    def open(self, url: str) -> None:
        """Open a page, as through a link or a QR code: nothing lies beneath it."""
        self._order(do="open", url=url)
        self.until("opened")
        self._text = ""

    def tap(self, selector: str) -> None:
        """Tap on something."""
        self._order(do="fire", selector=selector)

    def fire(self, selector: str, event: str, **detail: Any) -> None:
        """Fire an event on an element, with its detail, such as the typed text."""
        self._order(do="fire", selector=selector, event=event, detail=detail)

    def press(self, label: str) -> None:
        """Wait for an element with exactly this text, and tap it; a form's button submits the form."""
        self._order(do="press", label=label)

    def tap_beside(self) -> None:
        """Tap beside what lies over the page, as soon as something does."""
        self._order(do="tapBeside")

    def fill(self, label: str, text: str) -> None:
        """Type into the field with this placeholder or label."""
        self._order(do="fill", label=label, text=text)

    def finds_primary(self, label: str) -> None:
        """Wait until a button with exactly this text is drawn as a main one."""
        self._order(do="findPrimary", label=label)
        self.until("primary")

    def choose(self, label: str, option: str) -> None:
        """Choose an option of the picker whose text begins with this label."""
        self._order(do="choose", label=label, option=option)

    def until_it_says(self, *texts: str) -> str:
        """Wait for these texts, unless the page shows them already; return its whole text."""
        if not all(text in self._text for text in texts):
            self.shows(*texts)
        return self._text

    def until_it_lacks(self, *texts: str) -> None:
        """Wait until the page shows none of these texts."""
        if any(text in self._text for text in texts):
            self.until("shown", lambda told: not any(text in told["text"] for text in texts))

    def hide(self) -> None:
        """Lay another page over this one, or leave WeChat."""
        self._order(do="hide")
        self.until("hidden")

    def come_back(self) -> None:
        """Show the hidden page again."""
        self._order(do="comeBack")
        self.until("back")

    def tap_tab(self) -> None:
        """Tap the tab of the page in sight."""
        self._order(do="tapTab")

    def later(self, milliseconds: int) -> None:
        """Set the clock of this phone forward."""
        self._order(do="later", milliseconds=milliseconds)

    def update(self) -> None:
        """Let WeChat have downloaded a newer version."""
        self._order(do="update")

    def live(self, **changes: Any) -> None:
        """Change what the phone's person and its WeChat do (`lives` in phone.js)."""
        self._order(do="live", changes=changes)

    def screen(self) -> str:
        """Return the address at which a browser shows this phone."""
        self._order(do="see")
        return str(self.until("screen")["url"])

    def share(self) -> dict[str, Any]:
        """Share the page; return what the page passes to WeChat."""
        self._order(do="share")
        return self.until("share")

    def _order(self, **order: Any) -> None:
        self.plays.order(self._number, **order)

    def end(self) -> None:
        """Switch the phone off."""
        self._order(do="off")
        self.plays.remove(self._number)


@contextmanager
def a_phone(
    address: str,
    user: str,
    picture: Path | None = None,
    *,
    named: bool = True,
    storage: dict[str, Any] | None = None,
) -> Iterator[Phone]:
    """A phone with one picture in its album, and with this storage of the mini-program from before.

    `named`: the server knows the person's name already. The test is skipped where no phone can run.
    """
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    if named:
        log_in(address, user, nickname=user)
    phone = Phone(address, user, str(picture or ""), storage or {})
    try:
        yield phone
    finally:
        phone.end()
