"""Heartbeats of invented processes, for tests of the feed and of the screen."""

from __future__ import annotations

import math
import random
from pathlib import Path

import msgspec
from redis import Redis

from server.operation.heartbeats import Heartbeat
from server.store import DEFAULT_DATABASE


def a_heartbeat(process: str, second: int, **counts: int) -> Heartbeat:
    """Return a heartbeat of a process with three watchers."""
    return Heartbeat(
        process=process,
        pid=1,
        second=second,
        since=0,
        rss_bytes=1,
        draining=0,
        watchers=3,
        largest_unsent_bytes=5,
        lag_ms=1.5,
        redis_up=1,
        counts=counts,
        frame=[],
        store=[],
        watched={},
        digs=[],
        ends=[],
    )


def an_evening(second: int) -> Heartbeat:
    """Return a heartbeat of a process with some hundred watchers, who come and go in waves."""
    chance = random.Random(second)
    wave = (1 + math.sin(second / 47) / 3 + math.sin(second / 7) / 9) * chance.uniform(0.6, 1.4)
    quick, slow = int(40 * wave), int(5 * wave)
    return msgspec.structs.replace(
        a_heartbeat("evening", second),
        pid=4711,
        since=1_795_000_000_000,
        rss_bytes=92 << 20,
        watchers=int(300 * (1 + math.sin(second / 190) / 3 + math.sin(second / 29) / 20)),
        largest_unsent_bytes=int(700 * wave) * (second % 17 == 0),
        lag_ms=2.5 * wave + 14 * (second % 211 == 0),
        counts={
            "digs.dug": int(8 * wave),
            "digs.won": int(second % 23 == 0),
            "digs.cooling_down": int(14 * wave),
            "digs.already_won": int(1.6 * wave),
            "digs.own_task": int(second % 9 == 0),
            "joins": int(3 * wave),
            "deliveries": int(240 * wave),
            "uploads": int(second % 31 == 0),
            "logins": int(second % 3 == 0),
            "limited.logins": int(second % 11 == 0),
            "limited.posters": int(second % 7 == 0),
            "gaps": int(second % 40 == 0),
            "closes.1001": int(second % 5 == 0),
            "closes.1006": int(second % 13 == 0),
            "closes.4008": int(second % 270 == 0),
            "errors.cooling_down": int(14 * wave),
            "errors.already_won": int(1.6 * wave),
            "errors.own_task": int(second % 9 == 0),
        },
        frame=[0, slow, quick, quick + slow] + [quick + 2 * slow] * 10,
        store=[0, quick, 2 * quick, 2 * quick + slow] + [2 * quick + 2 * slow] * 8,
    )


def fill_history(data_dir: Path, seconds: range) -> None:
    """Give a running server the heartbeats of these seconds of an evening."""
    send_heartbeats(data_dir, [an_evening(second) for second in seconds])


def send_heartbeats(data_dir: Path, heartbeats: list[Heartbeat]) -> None:
    """Give a running server these heartbeats."""
    redis = Redis.from_url((data_dir / "valkey.uri").read_text())
    pipeline = redis.pipeline(transaction=False)
    for heartbeat in heartbeats:
        fields = {"heartbeat": msgspec.msgpack.encode(heartbeat)}
        pipeline.xadd(f"wabao:{DEFAULT_DATABASE}:heartbeats", fields)
    pipeline.execute()
    redis.close()
