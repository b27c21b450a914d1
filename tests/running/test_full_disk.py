"""A nearly full disk and a full disk. The disk is a small one in memory, if the test may mount it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from server.operation.alarms import COMPARED, TABLE, Comparison
from support.browser import Person
from support.client import a_picture
from support.servers import a_server, until

LEAST_MB = 20
DISK_MB = 120
PACKET: dict[str, Any] = {"goods_type": 1, "name": "红包", "prize_num": 1, "forecast_num": 1, "money": 2}


class TestNearlyFull:
    ENVIRONMENT: ClassVar = {"DISK_FREE_MB": str(1 << 40)}

    async def test_publishing_and_uploading_are_refused_and_the_operator_is_told(self, context, alice):
        for reply in (await alice.upload(a_picture()), await alice.post("/postTask", **PACKET)):
            assert (reply["error"], "空间不足" in reply["msg"]) == ("unavailable", True)
        assert await context.store.tasks.collection.count_documents({}) == 0
        assert await context.store.files.collection.count_documents({}) == 0
        await context.monitor.look_at_disk()
        families = await context.scrape.gather(COMPARED)
        assert "disk" in [alarm.kind for alarm in Comparison(TABLE).alarms(families, [], 0)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("we may not mount a disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


def fill_store(data_dir: Path) -> str:
    """Write into the server's store until a write fails; return why. At first, the journal still has room."""
    with MongoClient[dict[str, bytes]]((data_dir / "secantusdb.uri").read_text(), timeoutMS=5000) as client:
        try:
            for _ in range(2 * DISK_MB):
                client["filling"]["rows"].insert_one({"data": os.urandom(1 << 20)})
        except PyMongoError as error:
            return str(error)
    return ""


def test_a_full_disk_ends_no_process_and_all_is_right_once_there_is_room(disk):
    with a_server(disk / "data", DISK_FREE_MB=str(LEAST_MB)) as running:
        alice = Person.log_in(running.address, "alice")
        alice.post("/postTask", **PACKET)
        workers = running.children()["worker"]
        fill(disk / "fill")
        assert alice.error_of("/postTask", **PACKET) == "unavailable"
        assert "internal server error" in fill_store(disk / "data")
        assert running.children()["worker"] == workers
        (disk / "fill").unlink()
        until(lambda: alice.error_of("/postTask", **PACKET) == "")
        assert running.children()["worker"] == workers
