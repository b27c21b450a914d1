"""What does a dig of a red packet take while all checks are on and WeChat answers after 10 s?

    python bench/slow_wechat.py [--rounds 6]

Starts two servers with one serving process each. One has no checks. The other checks contents, asks how risky
people are, counts limits and money, and has messages set up. A proxy before WeChat's sandbox delays the
answer to each of these calls by 10 s. The servers take turns, in rounds of 10 s. New people dig 20 times a
second, each dig over a new connection and sent when it is due. Others publish twice a second, so that checks
pile up. Exits with 1 if a dig was refused, or if the p50 or the p99 of all digs is more than 1.2 times that
without checks.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from parts import slow_proxy
from parts.guests import Digs, dig_all
from parts.lines import log_in_all
from parts.live import a_dig, percentile
from parts.serving import MESSAGES, PAYOUT_LIMITS, PUSH, Person, Server, running
from parts.table import Row
from server.running.stores import free_port

ROUND_SECONDS = 10.0
DIGS_A_SECOND = 20
DIGGERS_A_ROUND = 40
PUBLISH_SECONDS = 0.5
SLOW_SECONDS = 10.0
MOST_SLOWER = 1.2
TASKS = 4
PACKET = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 1_000_000, "money": 1, "cd": 0}
WAIT_SECONDS = 20
LOOK_SECONDS = 0.05
NOT_SAID = "WeChat does not say it in time"


def checks() -> dict[str, str]:
    """Return the settings that turn all checks on, except limits per address: all share one address here."""
    # One person publishes everything, and would soon be told to come back in an hour.
    most = {"LIMITS_A_PERSON": "1000"}
    payouts = dict.fromkeys(PAYOUT_LIMITS, "100000") | {"CASH_LEAST_DIGGERS": "10", "RISK_HELD": "3"}
    payouts |= {"CASH_LEAST_CD_SECONDS": "0", "CASH_LEAST_GAP": "0", "CASH_PATTERNS_HELD": "1"}
    return PUSH | MESSAGES | most | payouts


@dataclass
class Side:
    """A server, its people and treasures, and how long digs took.

    `published` counts the treasures that the rounds publish.
    """

    server: Server
    publisher: Person
    people: list[Person]
    codes: list[str] = field(default_factory=list)
    rounds: list[Digs] = field(default_factory=list)
    published: int = 0

    def bury(self) -> None:
        """Publish and pay red packets; return once all can be dug."""
        for _ in range(TASKS):
            code = str(self._send("/postTask", dict(PACKET))["code"])
            self._wait(code, "not_paid")
            order = self._send("/payTask", {"code": code, "money": 1})
            names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
            paying = {"appId": "wxsandbox000000000", **{name: order[name] for name in names}}
            self._send("/sandbox/pay", paying)
            self._wait(code, "")
            self.codes.append(code)

    def _send(self, path: str, asked: dict[str, object]) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.publisher.token}"}
        reply: dict[str, object] = self.server.http.post(
            path,
            json={**asked, **({} if "appId" in asked else {"unionid": self.publisher.unionid})},
            headers=headers,
        ).json()
        assert not reply.get("status"), reply
        return reply

    def _wait(self, code: str, why: str) -> None:
        """Wait until a stranger sees the treasure with this reason why it cannot be dug; "" if it can."""
        asked = {"unionid": self.people[0].unionid, "code": code}
        headers = {"Authorization": f"Bearer {self.people[0].token}"}
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            reply = self.server.http.get("/getTaskDetails", params=asked, headers=headers).json()
            if reply["status"] == 0 and reply["why"] == why:
                return
            time.sleep(LOOK_SECONDS)
        raise SystemExit(f"{code} is not {why or 'open'} after {WAIT_SECONDS} s: {reply}")

    async def dig(self, number: int) -> None:
        """One round, by people who have not dug before."""
        first = number * DIGGERS_A_ROUND
        people = self.people[first : first + DIGGERS_A_ROUND]
        requests = [a_dig(person, self.codes[k % TASKS]) for k, person in enumerate(people)]
        publishing = asyncio.create_task(self._publish())
        self.rounds.append(await dig_all(self.server.port, requests, DIGS_A_SECOND, ROUND_SECONDS))
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing

    async def _publish(self) -> None:
        while True:
            await asyncio.to_thread(self.server.publish, self.publisher, 0)
            self.published += 1
            await asyncio.sleep(PUBLISH_SECONDS)


@contextmanager
def side(settings: dict[str, str], rounds: int) -> Iterator[Side]:
    """Start a server with people and red packets to dig; afterwards WeChat is slow."""
    proxy = free_port()
    with (
        running(1, None, **settings, SANDBOX_URL=f"http://127.0.0.1:{proxy}") as server,
        slow_proxy.before(f"http://127.0.0.1:{server.port}", proxy, SLOW_SECONDS) as slow,
    ):
        publisher, *people = log_in_all(server.port, DIGGERS_A_ROUND * (rounds + 1) + 1)
        found = Side(server, publisher, people)
        found.bury()
        slow.set()
        yield found


async def take_turns(sides: list[Side], rounds: int) -> None:
    """Let people dig on both servers in turn; the first round of each server is not counted."""
    for number in range(rounds + 1):
        for each in sides if number % 2 else sides[::-1]:
            await each.dig(number)
    for each in sides:
        del each.rounds[0]


def compare(off: Side, on: Side) -> Iterator[Row]:
    """Yield the lines of the table."""
    took = {
        name: [ms for each in which.rounds for ms in each.took_ms]
        for name, which in (("off", off), ("on", on))
    }
    for percent in (50, 99):
        both = {name: percentile(values, percent) for name, values in took.items()}
        for name, which in (("off", off), ("on", on)):
            of_rounds = [percentile(each.took_ms, percent) for each in which.rounds]
            note = f"{min(of_rounds):.1f} to {max(of_rounds):.1f} in {len(of_rounds)} rounds"
            yield Row(f"a dig with checks {name}: p{percent}", both[name], "ms", None, note)
        yield Row("  on / off", both["on"] / both["off"], "", MOST_SLOWER)
    refused = sum((each.refused for which in (off, on) for each in which.rounds), Counter[str]())
    note = ", ".join(f"{count} {error}" for error, count in refused.items())
    yield Row("digs refused", refused.total(), "", 0, f"of {sum(map(len, took.values()))} {note}")
    who = on.people[0]
    headers = {"Authorization": f"Bearer {who.token}"}
    reply = on.server.http.get(f"/getTaskList?page=1&unionid={who.unionid}", headers=headers).json()
    assert reply["status"] == 0, reply
    shown = [task["code"] for task in reply["data"] if task["code"] not in on.codes]
    yield Row(
        "treasures published meanwhile, with checks", on.published, "", None, f"{off.published} without"
    )
    yield Row("  of which shown before their check", len(shown), "", 0)
    unknown = on.server.log.read_bytes().count(NOT_SAID.encode())
    yield Row("questions about a risk that WeChat did not answer in time", unknown, "")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before")
    with ExitStack() as stack:
        off, on = (stack.enter_context(side(settings, rounds)) for settings in ({}, checks()))
        asyncio.run(take_turns([off, on], rounds))
        rows = list(compare(off, on))
    for row in rows:
        print(row)
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
