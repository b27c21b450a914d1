"""A real server for one benchmark: `python -m server`, embedded stores, a new directory, a free port."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from parts.login import log_in, person_id_of
from server.running.stores import free_port
from server.settings.messages import NAMES, SHOWN

READY_SECONDS = 60
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, frozen=True)
class Person:
    unionid: str
    token: str

    @property
    def id(self) -> str:
        """The person's id in the database."""
        return person_id_of(self.token)

    @property
    def query(self) -> str:
        return f"unionid={self.unionid}&token={self.token}"


@dataclass(slots=True)
class Server:
    """A running server, with one keep-alive HTTP client for it."""

    port: int
    process: subprocess.Popen[bytes]
    http: httpx.Client
    log: Path

    def workers(self) -> list[int]:
        """Return the pids of the serving processes."""
        pids = (Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")).read_text().split()
        return [
            int(pid) for pid in pids if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]

    def log_in(self, user: str) -> Person:
        data = log_in(self.http, user, "小明")
        return Person(data["unionid"], data["token"])

    def publish(self, publisher: Person, cooldown_seconds: int, **parameters: int) -> str:
        """Publish a treasure that does not end during a benchmark.

        Without a cooldown, the treasure is too deep to be won in a benchmark. With a cooldown, its depth must
        be reachable within 30 days, so it is not deep, but has more than one prize.
        """
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), "orange").save(buffer, "JPEG")
        headers = {"Authorization": f"Bearer {publisher.token}"}
        form = {"unionid": publisher.unionid}
        picture = self.http.post("/uploadFile", files={"file": buffer.getvalue()}, data=form, headers=headers)
        asked = {
            "unionid": publisher.unionid,
            "goods_type": 2,
            "url": picture.json()["url"],
            "name": "一只猫",
            "prize_num": 1,
            "forecast_num": 1_000_000,
            "draw_type": 2,
            "cd": cooldown_seconds,
        }
        if cooldown_seconds:
            deepest = 86_400 * 25 // cooldown_seconds
            interval = min(deepest // 2, 100_000)  # the most that a client may ask for
            asked |= {"prize_num": 2, "forecast_num": deepest, "interval": interval, "fluctuation": 0}
        asked |= parameters
        reply = self.http.post("/postTask", json=asked, headers=headers).json()
        assert reply["status"] == 0, reply
        return str(reply["code"])

    def dig(self, digger: Person, code: str) -> int:
        """Dig; return the depth."""
        headers = {"Authorization": f"Bearer {digger.token}"}
        reply = self.http.post(
            "/postTask", json={"unionid": digger.unionid, "code": code}, headers=headers
        ).json()
        assert reply["status"] == 0, reply
        return int(reply["seq"])

    def counted(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        families = text_string_to_metric_families(self.http.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())


# These limits would keep one publisher from paying for many small red packets.
PAYOUT_LIMITS = (
    *("CASH_LEAST_DIGGERS", "CASH_ORDER_YUAN", "CASH_PAID_DAY_YUAN", "CASH_PAID_WEEK_YUAN"),
    *("CASH_WON_DAY_YUAN", "CASH_WON_WEEK_YUAN", "CASH_PAIR_WEEK_YUAN", "RISK_HELD"),
    *("CASH_PRIVATE_DAY_YUAN", "CASH_NEWCOMER_DAY_YUAN", "CASH_YOUNG_DAY_YUAN", "CASH_PUBLISHER_DAY"),
    *("CASH_LEAST_CD_SECONDS", "CASH_LEAST_GAP", "CASH_PATTERNS_HELD"),
)


FIELDS = {sort: sort for sort in ("phrase", "time", "amount")} | {"text": "thing", "code": "character_string"}
# Templates for messages of all kinds.
MESSAGES = {
    NAMES[kind].upper(): f"template_of_{kind}_0123456789 "
    + " ".join(f"{FIELDS[sort]}{number}={shown}" for number, (shown, sort) in enumerate(fields.items()))
    for kind, fields in SHOWN.items()
}
# With these settings WeChat pushes the results of content checks. Without them nothing is checked.
PUSH = {"WECHAT_PUSH_TOKEN": "AAAAA", "WECHAT_ENCODING_AES_KEY": "a" * 42 + "A"}


@contextmanager
def running(workers: int = 1, directory: str | None = None, **settings: str) -> Iterator[Server]:
    """Start a server with these settings, wait until it is ready, and stop it at the end.

    By default the directory is a new one. In a directory that an earlier server used, this server has the
    same data. The random order is off unless `FAIR_START_MS` is given.
    """
    with ExitStack() as stack:
        directory = directory or stack.enter_context(tempfile.TemporaryDirectory())
        port = free_port()
        log = Path(directory) / "log"
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ
        }
        own = {"PORT": str(port), "DATA_DIR": f"{directory}/data", "WEB_CONCURRENCY": str(workers)}
        own |= {"SOCKETS_A_PERSON": "100000"}
        own |= {"LIMITS_A_PERSON": "0", "LIMITS_AN_ADDRESS": "0"}
        own |= {"FAIR_START_MS": "0"}  # measure a dig, without its wait for the random order
        own |= dict.fromkeys(PAYOUT_LIMITS, "0")  # one person pays for all that is measured
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=Path(__file__).parents[2],
                env={**kept, **own, **settings},
                stdout=output,
                stderr=output,
            )
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            try:
                _wait_until_ready(http, process, log)
                yield Server(port, process, http, log)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(40)


@contextmanager
def running_bare(directory: Path, uri: str = "") -> Iterator[tuple[int, int]]:
    """Start the bare handlers of `bare.py`; yield their pid and port; end them afterwards."""
    port = free_port()
    log = directory / "bare.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("bare.py"), str(port), *([uri] if uri else [])],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        yield process.pid, port
    except AssertionError:
        print("what the bare handlers said:", *log.read_text().splitlines()[-30:], sep="\n")
        raise
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _wait_until_ready(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if b"Wabao is ready" in log.read_bytes():
            return
        time.sleep(0.05)
    raise SystemExit(f"the server did not become ready:\n{log.read_text()}")


def store_of(server: Server) -> tuple[int, int]:
    """Return the pid and the port of the embedded MongoDB."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for pid in children:
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if "secantus" in command:
            return int(pid), int(command[command.index("--port") + 1])
    raise LookupError("no embedded store runs")


def rss_kb(pid: int) -> int:
    """Return a process's resident memory, in KB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


def processes_of(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:  # `found` grows during the loop
        with suppress(OSError):  # the process may have ended
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def memory_bytes(pid: int) -> int:
    """Return a process's memory; shared pages count in parts (PSS). 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds, to 1/100 s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def cpu_us(pid: int) -> float:
    """Return the CPU time that all living threads of a process have used, in µs, exact to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1000


def waited_ms(pid: int) -> float:
    """Return how long a process's loop has waited for a core, in milliseconds."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e6
