"""Heartbeats of invented processes, for tests of the feed and of the screen."""

import math
import random
import time
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from server.operation.heartbeats import Heartbeat
from server.realtime.bus import FORM
from server.security.keys import Keys
from server.settings import read_settings, secrets_of
from server.store import DEFAULT_DATABASE

# Where Redis keeps the heartbeats of a server.
NAME = f"{DEFAULT_DATABASE}:{{heartbeats}}"


def a_heartbeat(process: str, second: int, **counts: int) -> Heartbeat:
    """Return a heartbeat of a process with three watchers."""
    numbers: dict[str, Any] = {"pid": 1, "since": 0, "rss_bytes": 1, "draining": 0, "redis_up": 1}
    shown: dict[str, Any] = {"watchers": 3, "largest_unsent_bytes": 5, "lag_ms": 1.5, "counts": counts}
    nothing: dict[str, Any] = {"frame": [], "store": [], "digs": [], "ends": []}
    return Heartbeat(process=process, second=second, **numbers, **shown, **nothing)


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


def keys_of(data_dir: Path) -> Keys:
    """Return the keys of the server that runs in this directory."""
    return Keys(*secrets_of(read_settings({"DATA_DIR": str(data_dir)})))


def send_heartbeats(data_dir: Path, heartbeats: list[Heartbeat]) -> None:
    """Give a running server these heartbeats, signed as a process of it signs them."""
    keys = keys_of(data_dir)
    redis = Redis.from_url((data_dir / "valkey.uri").read_text())
    pipeline = redis.pipeline(transaction=False)
    for heartbeat in heartbeats:
        said = FORM + msgspec.msgpack.encode(heartbeat)
        signed = keys.sign_message(NAME, said, time.time_ns() // 1_000_000)
        pipeline.xadd(NAME, {"heartbeat": signed})
    pipeline.execute()
    redis.close()
