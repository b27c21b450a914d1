"""The example in docs/mini-program.md, run unchanged in Node, through a killed worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import SOURCE
from support.client import a_picture
from support.login import log_in
from support.servers import Running, a_free_port

PATIENCE_SECONDS = 60
NODE = shutil.which("node")

# The parts of `wx` that the example uses, made from what Node has.
SHIM = """
const say = (what) => console.log(JSON.stringify(what));
const wx = {
  connectSocket({ url }) {
    const socket = new WebSocket(url);
    say({ type: "connecting" });
    return {
      onOpen: (then) => socket.addEventListener("open", () => then({})),
      onMessage: (then) => socket.addEventListener("message", ({ data }) => then({ data })),
      onError: (then) => socket.addEventListener("error", () => then({})),
      onClose: (then) => socket.addEventListener("close", ({ code, reason }) => then({ code, reason })),
      send: ({ data }) => { say({ type: "sent", message: JSON.parse(data) }); socket.send(data); },
      close: () => socket.close(),
    };
  },
  request({ url, method, header, data, success, fail }) {
    const headers = { "Content-Type": "application/json", ...header };
    fetch(url, { method, headers, body: JSON.stringify(data) })
      .then(async (reply) => success({ statusCode: reply.status, data: await reply.json() }), fail);
  },
};
const globalData = JSON.parse(process.argv[1]);
const logIn = async () => { say({ type: "logIn" }); globalData.token = globalData.next; };
const getApp = () => ({ globalData, logIn });
const module = {};
"""
USE = """{
const { watch, secondsLeft, dig } = module.exports;
watch(globalData.code, (frame) => say({ ...frame, left: secondsLeft(globalData.code) }));
process.stdin.on("data", () => dig(globalData.code, (reply) => say({ type: "reply", ...reply })));
}"""


def example() -> str:
    """Return the example's file, channel.js."""
    text = (SOURCE / "docs" / "mini-program.md").read_text()
    found = re.search(r"```js\n(// channel\.js\n.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def has_websocket() -> bool:
    if NODE is None:
        return False
    asked = [NODE, "--experimental-websocket", "-p", "typeof WebSocket"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "function"


class Phone:
    """The example in a Node process; `said` has what it printed."""

    def __init__(self, address: str, **data: str) -> None:
        code = example()
        assert code.count("'https://wabao.example.com'") == 1
        code = code.replace("'https://wabao.example.com'", json.dumps(address))
        assert NODE is not None
        self.process = subprocess.Popen(
            [NODE, "--experimental-websocket", "--no-warnings", "-e", SHIM + code + USE, json.dumps(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self._patience = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        self._patience.start()

    def until(self, kind: str, **values: Any) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            self.said.append(told)
            if told["type"] == kind and all(told.get(name) == value for name, value in values.items()):
                return told
        pytest.fail(f"it ended before {kind} {values}: {self.said}")

    def dig(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("dig\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self._patience.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.mark.skipif(not has_websocket(), reason="no node with a WebSocket")
def test_the_example_gets_each_dig_once_through_a_killed_worker_and_an_old_token(tmp_path: Path):
    server = Running(tmp_path / "data", a_free_port())
    server.wait_for("Wabao is ready at ")
    alice, bob, carol = (log_in(server.address, name) for name in ("alice", "bob", "carol"))

    def post(who: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {who['token']}"}
        asked = {"unionid": who["unionid"], **parameters}
        reply: dict[str, Any] = httpx.post(
            f"{server.address}/postTask", json=asked, headers=headers, timeout=20
        ).json()
        assert reply["status"] == 0, reply
        return reply

    uploaded = httpx.post(
        f"{server.address}/uploadFile",
        files={"file": ("cat.jpg", a_picture())},
        data={"unionid": alice["unionid"]},
        headers={"Authorization": f"Bearer {alice['token']}"},
        timeout=20,
    ).json()
    code = post(
        alice,
        goods_type=2,
        url=uploaded["url"],
        name="一只猫",
        prize_num=3,
        forecast_num=100_000,
        interval=30_000,
        fluctuation=0,
        draw_type=2,
        cd=0,
    )["code"]

    phone = Phone(server.address, unionid=bob["unionid"], token="an old one", next=bob["token"], code=code)
    try:
        phone.until("logIn")
        assert phone.until("snapshot")["seq"] == 0
        post(carol, code=code)
        assert phone.until("join", seq=1)["no"] == 1
        phone.dig()
        phone.until("join", seq=2)
        (worker,) = server.children()["worker"]
        os.kill(worker, signal.SIGKILL)
        server.wait_for("wabao.worker serving")
        post(carol, code=code)
        phone.until("sent", message={"action": "subscribe", "code": code, "ticks": False, "since": 1})
        phone.until("snapshot")
        phone.dig()
        phone.until("cd", seq=4)
        told = [(frame["type"], frame["seq"]) for frame in phone.said if frame["type"] in ("cd", "join")]
        assert told == [("cd", 1), ("join", 1), ("cd", 2), ("join", 2), ("cd", 3), ("cd", 4)]
        if not any(frame["type"] == "reply" and frame["seq"] == 4 for frame in phone.said):
            phone.until("reply", seq=4)
        replies = [frame for frame in phone.said if frame["type"] == "reply"]
        assert [(reply["seq"], reply["no"]) for reply in replies] == [(2, 2), (4, 2)]
    finally:
        phone.end()
        server.kill()
