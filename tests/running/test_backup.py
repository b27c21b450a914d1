"""A backup of the embedded database, made under digs as docs/deploying.md says, and restored."""

import asyncio
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.browser import Person
from support.open_pages import watch
from support.servers import Running, a_server, until

RIGHT_SECONDS = 5.0


@contextmanager
def digging(person: Person, code: str, depths: list[int]) -> Iterator[None]:
    """Let somebody dig a treasure without a pause."""
    ends = threading.Event()

    def dig() -> None:
        while not ends.is_set():
            depths.append(person.post("/postTask", code=code)["now_depth"])

    thread = threading.Thread(target=dig)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def back_up(server: Running, copy: str) -> None:
    """Copy what a killed store would leave: it stands still meanwhile."""
    (store,) = server.children()["SecantusDB"]
    command = f"kill -STOP {store} && cp -a {server.data_dir}/mongodb {copy}; kill -CONT {store}"
    subprocess.run(["sh", "-c", command], check=True, timeout=60)


async def snapshot_of(server: Running, person: Person, code: str, since: int) -> dict[str, object]:
    """Open a page that knows the dig `since`; return its snapshot."""
    async with asyncio.timeout(RIGHT_SECONDS):
        page = await watch(server.address, person.token, code, since)
        snapshot = await page.until("snapshot")
    page.connection.close()
    await page.closed()  # or its socket outlives this loop
    return snapshot


def test_a_backup_made_under_digs_is_restored_and_digs_go_on(tmp_path):
    depths: list[int] = []
    with a_server(tmp_path / "data") as server:
        publisher, digger = (Person.log_in(server.address, user) for user in ("publisher", "digger"))
        code = publisher.publish(cd=0, forecast_num=100_000)
        with digging(digger, code, depths):
            until(lambda: len(depths) >= 10)
            before = depths[-1]
            back_up(server, str(tmp_path / "backup"))
            after = depths[-1] + 1
            until(lambda: depths[-1] > after + 10)
        assert server.end(signal.SIGTERM) == 0
    shutil.rmtree(tmp_path / "data" / "mongodb")
    shutil.move(tmp_path / "backup", tmp_path / "data" / "mongodb")
    with a_server(tmp_path / "data") as server:
        snapshot = asyncio.run(snapshot_of(server, digger, code, depths[-1]))
        assert isinstance(restored := snapshot["now_depth"], int)
        assert before <= restored <= after
        digger.address = server.address
        again: list[int] = []
        with digging(digger, code, again):
            until(lambda: len(again) >= 5)
        assert again == list(range(restored + 1, restored + 1 + len(again)))
        assert asyncio.run(snapshot_of(server, digger, code, 0))["now_depth"] == again[-1]
        audit = Running(tmp_path / "data", "audit", "--remote")
        assert audit.wait() == 0, audit.said
