"""Heartbeats of invented processes, for tests of the feed and of the screen."""

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


EACH = (
    *("digs.dug", "digs.won", "digs.cooling_down", "joins", "deliveries", "errors.cooling_down", "uploads"),
    *("logins", "gaps", "limited.logins", "closes.1006"),
)


def a_full_heartbeat(second: int) -> Heartbeat:
    """Return a heartbeat of a process with 300 watchers, which did something of all that a chart shows."""
    counted = a_heartbeat("full", second, **dict.fromkeys(EACH, 20))
    return msgspec.structs.replace(counted, watchers=300, frame=[1] * 14, store=[1] * 12)


def send_heartbeats(data_dir: Path, heartbeats: list[Heartbeat]) -> None:
    """Give a running server these heartbeats, signed as a process of it signs them."""
    keys = Keys(*secrets_of(read_settings({"DATA_DIR": str(data_dir)})))
    redis = Redis.from_url((data_dir / "valkey.uri").read_text())
    pipeline = redis.pipeline(transaction=False)
    for heartbeat in heartbeats:
        said = FORM + msgspec.msgpack.encode(heartbeat)
        signed = keys.sign_message(NAME, said, time.time_ns() // 1_000_000)
        pipeline.xadd(NAME, {"heartbeat": signed})
    pipeline.execute()
    redis.close()
