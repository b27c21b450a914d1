"""Heartbeats of an invented evening, for pictures of the operators' screen."""

import math
import random
from pathlib import Path

import msgspec

from server.operation.heartbeats import Heartbeat
from support.heartbeats import a_heartbeat, send_heartbeats

# By counter: in OFTEN its average in a second, in SELDOM the seconds from one count to the next.
OFTEN = {
    "digs.dug": 8,
    "digs.cooling_down": 14,
    "digs.already_won": 1.6,
    "joins": 3,
    "deliveries": 240,
    "errors.cooling_down": 14,
    "errors.already_won": 1.6,
}
SELDOM = {
    "digs.won": 23,
    "digs.own_task": 9,
    "errors.own_task": 9,
    "uploads": 31,
    "logins": 3,
    "gaps": 40,
    "limited.logins": 11,
    "limited.posters": 7,
    "closes.1001": 5,
    "closes.1006": 13,
    "closes.4008": 270,
}


def an_evening(second: int) -> Heartbeat:
    """Return a heartbeat of a process with some hundred watchers, who come and go in waves."""
    chance = random.Random(second)
    wave = (1 + math.sin(second / 47) / 3 + math.sin(second / 7) / 9) * chance.uniform(0.6, 1.4)
    quick = int(40 * wave)
    slow = int(5 * wave)
    return msgspec.structs.replace(
        a_heartbeat("evening", second),
        pid=4711,
        since=1_795_000_000_000,
        rss_bytes=92 << 20,
        watchers=int(300 * (1 + math.sin(second / 190) / 3 + math.sin(second / 29) / 20)),
        largest_unsent_bytes=int(700 * wave) * (second % 17 == 0),
        lag_ms=2.5 * wave + 14 * (second % 211 == 0),
        counts={
            **{name: int(second % every == 0) for name, every in SELDOM.items()},
            **{name: int(most * wave) for name, most in OFTEN.items()},
        },
        frame=[0, slow, quick, quick + slow] + [quick + 2 * slow] * 10,
        store=[0, quick, 2 * quick, 2 * quick + slow] + [2 * quick + 2 * slow] * 8,
    )


def fill_history(data_dir: Path, seconds: range) -> None:
    """Give a running server the heartbeats of these seconds of an evening."""
    send_heartbeats(data_dir, [an_evening(second) for second in seconds])
