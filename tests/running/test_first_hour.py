"""An operator's first hour by `docs/launch.md`, from an empty folder to the first prize handed over.

The commands are those of the document. Of `deploy/nginx.conf` only names, ports and files are changed.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.parts.nginx import FOUND, nginx
from server.running.stores import free_port
from server.runtime.children import tie_to
from server.settings import SANDBOX_APPID
from support import SOURCE
from support.browser import Person, checked
from support.limits import NO_LIMITS
from support.servers import clean_environment, until

pytestmark = pytest.mark.skipif(FOUND is None, reason="there is no nginx")
_, _, LATER = (SOURCE / "docs" / "launch.md").read_text("utf-8").partition("\n## 第一个小时\n")
HOUR = LATER.partition("\n## ")[0]
INSTALL, CONFIGURE, START, NGINX, LOOK, CASH, AUDIT = re.findall(r"```sh\n(.+?)```", HOUR, re.DOTALL)
TREE = ("server", "handlers", "static", "devtools")
WHERE = {"receiver": "小红", "phone": "13800000001", "address": "广东省深圳市高新南一道 1 号"}


class Machine:
    """An empty machine with this repository, and the people who come to it through nginx."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        for name in TREE:
            (folder / name).symlink_to(SOURCE / name)
        quick = {**NO_LIMITS, "COOLDOWN_SECONDS": "0", "FAIR_START_MS": "0"}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = clean_environment(PORT=str(port), PATH=path, **quick)
        self.said = folder / "said.txt"
        self.http = httpx.Client(verify=False, timeout=20)  # noqa: S501  (nobody signed this certificate)

    def run(self, commands: str) -> str:
        """Run commands of the document; return what they print."""
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Start the server as the document says, and end it by its signal."""
        with self.said.open("w") as said:
            process = subprocess.Popen(
                ["bash", "-euc", START],
                cwd=self.folder, env=self.environment, stdout=said, stderr=said, start_new_session=True,
                preexec_fn=partial(tie_to, os.getpid()),
            )  # fmt: skip
        try:
            until(lambda: "Wabao is ready" in self.said.read_text())
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        assert "Traceback" not in self.said.read_text()

    def setting(self, name: str) -> str:
        """Return a setting of wabao.env."""
        return dict(re.findall("^(.+?)=(.*)$", (self.folder / "wabao.env").read_text(), re.MULTILINE))[name]

    def wx(self, path: str, **values: Any) -> dict[str, Any]:
        """Call what WeChat does on a phone, played by the sandbox."""
        reply: dict[str, Any] = self.http.post(f"/sandbox/{path}", json=values).json()
        assert str(reply["errMsg"]).endswith(":ok"), reply
        return reply

    def log_in(self, user: str) -> Person:
        """Log in somebody who comes through nginx."""
        return Person.log_in(str(self.http.base_url), user, verify=False)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is configured, and whose nginx runs."""
    port = free_port()
    found = Machine(tmp_path, port)
    found.run(CONFIGURE)
    (tmp_path / "nginx").mkdir()
    with nginx(tmp_path / "nginx", port) as tls_port:
        found.http.base_url = httpx.URL(f"https://127.0.0.1:{tls_port}")
        yield found
        found.http.close()


def look(machine: Machine) -> None:
    """Look from outside, and read what a review asks for."""
    address = str(machine.http.base_url)
    machine.run(LOOK.replace("curl", "curl -k").replace("https://wabao.example.com", address))
    texts = checked(machine.http.get("/getTexts"))
    assert texts["contact"] == machine.setting("CONTACT")
    assert "挖宝" in texts["agreement"]


def test_the_commands_are_those_of_the_other_pages():
    assert INSTALL.strip() in (SOURCE / "README.md").read_text("utf-8")
    assert NGINX.strip() in (SOURCE / "deploy" / "nginx.conf").read_text("utf-8")


def test_an_operator_comes_from_an_empty_machine_to_a_parcel_and_to_money_that_were_received(machine):
    with machine.serving():
        look(machine)
        assert "goods only: red packets are off, since CASH=0" in machine.said.read_text()
        ming, hong = (machine.log_in(user) for user in ("小明", "小红"))
        two = {"prize_num": 2, "forecast_num": 2, "interval": 1, "fluctuation": 0}
        code = ming.publish(**two)
        assert hong.post("/postTask", code=code)["is_prize"] == 1
        operators = {"name": "值班员", "token": machine.setting("OPS_TOKEN")}
        checked(machine.http.post("/ops/login", json=operators))
        assert code in machine.http.post("/ops/search", json={"query": "一只猫"}).text
        for hidden in (1, 0):
            act = {"code": code, "hidden": hidden, "reason": "看过了"}
            checked(machine.http.post("/ops/hide", json=act))
        assert hong.post("/drawPrize", code=code, **WHERE)["state"] == "given"
        [row] = ming.get("/getWinners", code=code)["data"]
        assert row["address"] == WHERE["address"]
        ming.post("/shipPrize", code=code, depth=1, carrier="顺丰速运", number="SF1234567890")
        assert hong.post("/receivePrize", code=code)["received_at"]
    machine.run(CASH)
    with machine.serving():
        look(machine)
        assert "goods only" not in machine.said.read_text()
        ming, hong = (machine.log_in(user) for user in ("小明", "小红"))
        packet = {"goods_type": 1, "name": "开门大吉", "money": 2, "prize_num": 1, "forecast_num": 1, "cd": 0}
        code = str(ming.post("/postTask", **packet)["code"])
        order = ming.post("/payTask", code=code, money=2)
        signed = {name: order[name] for name in ("package", "timeStamp", "nonceStr", "signType", "paySign")}
        machine.wx("pay", appId=SANDBOX_APPID, **signed)
        until(lambda: ming.get("/getTaskDetails", code=code)["data"]["need_pay"] == 0)
        assert hong.post("/postTask", code=code)["is_prize"] == 1
        machine.wx("confirm", user="小红", package=hong.post("/drawPrize", code=code)["package_info"])
        until(lambda: hong.post("/drawPrize", code=code)["is_draw"] == 1)
        machine.run(AUDIT)
