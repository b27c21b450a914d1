"""What kind of MongoDB this is, and what its members' clocks say."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from bson.codec_options import CodecOptions
from pymongo import ReadPreference
from pymongo.errors import PyMongoError
from pymongo.read_preferences import Nearest, Primary

from server.store.driver import Client, close, connect, nodes

_Address: TypeAlias = tuple[str, int | None]
_CONNECT_MS = 5000
_AWARE = CodecOptions[dict[str, Any]](tz_aware=True)


class Cluster(msgspec.Struct, frozen=True):
    """`embedded` is SecantusDB's version, "" for MongoDB. `kind` is "replica set", "sharded" or "alone".

    `arbiters`: how many members vote and hold no data.
    """

    version: tuple[int, ...]
    embedded: str
    kind: str
    members: list[_Address]
    arbiters: int = 0


class Reading(msgspec.Struct, frozen=True):
    """How far a member's clock is ahead of this machine's, give or take half the round trip (ms)."""

    member: str
    ahead_ms: float
    unsure_ms: float


async def look(client: Client) -> Cluster:
    """Return what kind of MongoDB answers. Raises the driver's error if MongoDB does not answer."""
    build = await client.admin.command("buildInfo")
    hello = await client.admin.command("hello")
    kind = "replica set" if "setName" in hello else "sharded" if hello.get("msg") == "isdbgrid" else "alone"
    return Cluster(
        tuple(build["versionArray"]),
        build.get("secantusVersion", ""),
        kind,
        sorted(nodes(client)),
        len(hello.get("arbiters", ())),
    )


async def read_clock(client: Client, member: Nearest | Primary) -> float:
    """Return the clock of the member that this read preference selects (unix ms). Raises the driver's error.

    `command` heeds neither the codec options nor the read preference of its database or client.
    """
    hello = await client.admin.command("hello", read_preference=member, codec_options=_AWARE)
    now: datetime = hello["localTime"]
    return now.timestamp() * 1000


async def read_clocks(uri: str, members: Sequence[_Address]) -> tuple[list[Reading], list[str]]:
    """Return each member's clock, and the members that did not answer."""
    found = await asyncio.gather(*(_read_clock(uri, member) for member in members))
    silent = [_name(member) for member, reading in zip(members, found, strict=True) if reading is None]
    return [reading for reading in found if reading is not None], silent


async def _read_clock(uri: str, member: _Address) -> Reading | None:
    client = connect(
        uri,
        server_selector=lambda servers: [each for each in servers if each.address == member],
        timeoutMS=_CONNECT_MS,
        serverSelectionTimeoutMS=_CONNECT_MS,
    )
    try:
        await read_clock(client, ReadPreference.NEAREST)  # so that no round trip below includes connecting
        readings = []
        for _ in range(3):
            began = time.monotonic()
            sent = time.time()
            now_ms = await read_clock(client, ReadPreference.NEAREST)
            took_ms = (time.monotonic() - began) * 1000
            ahead_ms = now_ms - sent * 1000 - took_ms / 2
            readings.append(Reading(_name(member), ahead_ms, took_ms / 2))
        return min(readings, key=lambda reading: reading.unsure_ms)
    except PyMongoError:
        return None
    finally:
        await close(client)


def _name(member: _Address) -> str:
    return f"{member[0]}:{member[1]}"
