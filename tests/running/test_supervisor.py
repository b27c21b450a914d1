"""`python -m server` as a person runs it: real processes are killed in every way, and no data is lost."""

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from server.__main__ import main
from server.errors import BadSettings
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis, StoreFailed, free_port
from server.running.supervisor import Supervisor
from server.settings import Settings, read_settings
from support import SOURCE
from support.browser import Person
from support.client import a_picture
from support.production import MERCHANT, PRODUCTION
from support.servers import (
    PATIENCE_SECONDS,
    Running,
    assert_all_end,
    child_pids,
    is_ready,
    pidfds_of,
    takes_connections,
    until,
)


def descendant_pids(pid: int) -> list[int]:
    children = child_pids(pid)
    return children + [grandchild for child in children for grandchild in descendant_pids(child)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("supervised") / "data"


@pytest.fixture(scope="module")
def server(data_dir: Path) -> Iterator[Running]:
    """One server for the tests that leave it running."""
    running = Running(data_dir, WEB_CONCURRENCY="2")
    running.wait_for("Wabao is ready at ")
    yield running
    if running.process.poll() is None:
        running.end()


@pytest.fixture(scope="module")
def alice(server: Running) -> Person:
    """A person whose record must survive all tests below."""
    return Person.log_in(server.address, "alice")


def test_one_command_starts_the_stores_and_the_asked_number_of_workers(server):
    assert {kind: len(pids) for kind, pids in server.children().items()} == {
        "worker": 2,
        "SecantusDB": 1,
        "Valkey": 1,
    }
    assert any(server.address in line for line in server.said)
    until(lambda: is_ready(server.address))


def test_the_stores_listen_only_on_this_machine_and_workers_may_open_as_many_files_as_may_be(server):
    pids = server.children()
    for pid in pids["SecantusDB"] + pids["Valkey"]:
        assert set(listening_addresses(pid)) == {"0100007F"}  # 127.0.0.1 as /proc writes it
    for pid in pids["worker"]:
        limits = re.search(r"Max open files +(\d+) +(\d+)", Path(f"/proc/{pid}/limits").read_text())
        assert limits[1] == limits[2]


def listening_addresses(pid: int) -> list[str]:
    """Return the addresses that a process listens on."""
    inodes = {
        os.readlink(link).removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    addresses = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.append(fields[1].split(":")[0])
    return addresses


def scrapes(server: Running, number: int = 8) -> list[str]:
    """Scrape `number` times with status 200, each time over a new connection, so that both workers answer."""
    found: list[str] = []

    def scrape() -> bool:
        reply = httpx.get(f"{server.address}/metrics", timeout=PATIENCE_SECONDS)
        found.extend([reply.text] if reply.status_code == 200 else [])
        return len(found) == number

    until(scrape)
    return found


def check_series(text: str) -> None:
    """Assert that each family is declared once, and each series is there once."""
    declared = Counter(line for line in text.splitlines() if line.startswith("# TYPE"))
    assert set(declared.values()) == {1}, declared
    families = list(text_string_to_metric_families(text))
    series = Counter((s.name, *sorted(s.labels.items())) for family in families for s in family.samples)
    assert set(series.values()) == {1}, series


@pytest.fixture
def database(data_dir: Path) -> Iterator[Any]:
    """The database of the server."""
    with MongoClient[dict[str, Any]](EmbeddedMongoDB.address_file(data_dir).read_text()) as client:
        yield client.get_default_database("wabao")


def test_two_workers_show_each_series_once_and_the_same_money(server, database):
    until(lambda: database.gauges.find_one({}) is not None)  # the leader counts as soon as it leads
    shown = scrapes(server)
    for text in shown:
        check_series(text)
    [sums] = {tuple(re.findall("^wabao_money.*", text, re.MULTILINE)) for text in shown}
    assert 'wabao_money_fen{sum="paid"} 0.0' in sums


def test_a_second_server_on_the_same_directory_or_port_is_refused(server, data_dir, tmp_path):
    with pytest.raises(BadSettings, match=f"^DATA_DIR='{data_dir}' is in use by another server$"):
        Supervisor(Settings(data_dir=str(data_dir), port=free_port()))
    with pytest.raises(BadSettings, match=f"^PORT={server.port} is in use by another program$"):
        Supervisor(Settings(data_dir=str(tmp_path), port=server.port))
    assert is_ready(server.address)


@pytest.mark.parametrize(("command", "named"), [("check", False), ("release", True)])
def test_a_check_leaves_a_running_servers_store_alone(server, data_dir, monkeypatch, capsys, command, named):
    """Once, the check dropped databases in the store. The store did not answer meanwhile, and was ended."""
    uri = (data_dir / "secantusdb.uri").read_text()
    before = server.children()["SecantusDB"]
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    monkeypatch.setenv("MONGODB_URI", uri if named else "")
    assert main([command]) == 2
    said = f"{command} needs the MONGODB_URI of a MongoDB, not of a server's embedded store\n"
    assert capsys.readouterr() == ("", said)
    assert server.children()["SecantusDB"] == before
    assert is_ready(server.address)


def test_a_killed_worker_is_started_again_and_refuses_nobody_meanwhile(server, alice):
    victim = server.children()["worker"][0]
    death = pidfds_of([victim])
    os.kill(victim, signal.SIGKILL)
    assert_all_end(death)
    server.wait_for(rf"worker \d \(pid {victim}\) ended with -9")
    for text in scrapes(server):  # new connections wait until the worker serves again
        check_series(text)
    server.wait_for("wabao.worker serving")
    assert len(server.children()["worker"]) == 2
    alice.get("/getMyInfo")


def test_signals_of_other_programs_change_nothing_and_sighup_replaces_the_workers_one_by_one(server):
    before = server.children()
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        server.process.send_signal(number)
        server.wait_for(f"{number.name} means nothing here")
    assert server.children() == before
    deaths = pidfds_of(before["worker"])
    heard = len(server.said)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(r"worker 2 \(pid \d+\) ended with 0")
    said = "".join(server.said[heard:])
    assert said.index("worker 1 (pid") < said.rindex("wabao.worker serving") < said.index("worker 2 (pid")
    assert_all_end(deaths)
    server.wait_for("wabao.worker serving")
    assert is_ready(server.address)
    assert len(server.children()["worker"]) == 2


@pytest.mark.parametrize("store", ["SecantusDB", "Valkey"])
def test_a_killed_store_is_started_again_on_its_port_with_all_it_acknowledged(server, alice, store):
    bob = Person.log_in(server.address, "bob")
    (victim,) = server.children()[store]
    os.kill(victim, signal.SIGKILL)
    server.wait_for(rf"{store} \(pid {victim}\) ended with -9")
    until(lambda: is_ready(server.address))
    alice.get("/getMyInfo")
    bob.get("/getMyInfo")
    assert Person.log_in(server.address, "carol").id not in (alice.id, bob.id)


def test_a_store_that_lives_but_does_not_answer_is_started_again(server):
    (frozen,) = server.children()["SecantusDB"]
    os.kill(frozen, signal.SIGSTOP)
    server.wait_for("a store does not answer")  # this takes up to 30 s
    server.wait_for(f"SecantusDB .pid {frozen}. does not answer any more: ending it")
    until(lambda: is_ready(server.address))
    assert server.children()["SecantusDB"] != [frozen]


def test_a_malformed_request_is_refused(server):
    head = b"GET / HTTP/1.1\r\nHost: wabao\r\nAuthorization: Bearer malformed-secret "
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as line:
        line.sendall(head + b"a " * 3_000 + b"\x00\r\n\r\n")
        assert line.recv(1 << 10).startswith(b"HTTP/1.1 400 ")
    assert is_ready(server.address)


def test_a_new_start_finds_all_data_after_a_kill_and_its_end_answers_what_runs(server, alice, data_dir):
    server.kill()
    again = Running(data_dir, PORT=str(server.port))
    again.wait_for("Wabao is ready at ")
    alice.get("/getMyInfo")
    assert Person.log_in(again.address, "alice").id == alice.id
    assert (data_dir / "secret_key").stat().st_mode & 0o777 == 0o600
    alice.upload(a_picture())
    descriptors = pidfds_of(descendant_pids(again.process.pid))
    # Two stores, a worker, the process that makes its pictures, and what counts the semaphores of both.
    assert len(descriptors) == 5
    body = f'{{"unionid": "{alice.id}"}}'.encode()
    with socket.create_connection(("127.0.0.1", again.port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(
            b"POST /getSharePic HTTP/1.1\r\nHost: wabao\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert b" 100 " in client.recv(1000)
        again.process.send_signal(signal.SIGTERM)
        until(lambda: not takes_connections(again.port))
        client.sendall(body)
        reply = client.recv(10_000)
        assert b"bad_request" in reply, reply
        assert "请填写“宝贝编号”".encode() in reply
        assert client.recv(1) == b""  # a second later
    assert again.wait() == 0
    assert_all_end(descriptors)


def test_the_log_has_neither_ids_nor_tokens(server, alice):
    said = "".join(server.said)
    assert re.search(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \d+ wabao\.access GET /getMyInfo 200 ", said
    )
    assert alice.id not in said
    assert alice.openid
    assert alice.openid not in said
    assert alice.token not in said
    assert "malformed-secret" not in said
    assert "Malformed" not in said
    assert "unionid=" not in said
    assert "HTTP Request:" not in said


def test_children_end_with_a_parent_that_is_killed_while_they_start(tmp_path):
    running = Running(tmp_path / "data")
    until(lambda: len(child_pids(running.process.pid)) >= 1)
    descriptors = pidfds_of(child_pids(running.process.pid))
    running.process.kill()
    assert_all_end(descriptors)
    assert running.wait() == -signal.SIGKILL


def test_production_says_which_settings_are_missing_that_it_can_do_without(tmp_path, caplog):
    bare = {**PRODUCTION, "CASH": "", **dict.fromkeys(MERCHANT, "")}
    whole = {**PRODUCTION, "TRUSTED_PROXIES": "10.0.0.0/8"}
    told = {
        "TRUSTED_PROXIES is empty",
        "goods only: red packets are off, since CASH=0",
        "TEXTS_DIR or CONTACT lacks: agreement.txt, privacy.txt, CONTACT",
    }
    launch = (SOURCE / "docs" / "launch.md").read_text(encoding="utf-8")
    asked = launch.partition("\n## 先问清楚")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \*\*(.+?)\*\*", asked, re.MULTILINE)
    settled = {"TEXTS_DIR or CONTACT lacks", *(f"launch.md#先问清楚再开红包): {row}: " for row in rows)}
    for name, environment, expected in (("bare", bare, told), ("whole", whole, settled)):
        where = {"DATA_DIR": str(tmp_path / name), "PORT": str(free_port())}
        supervisor = Supervisor(read_settings(environment | where))
        supervisor._warn()
        os.close(supervisor._lock)
        for listener in supervisor._listeners:
            listener.close()
        said = [record.getMessage() for record in caplog.records if record.name == "wabao.supervisor"]
        assert len(said) == len(expected)
        assert all(each in "\n".join(said) for each in expected)
        caplog.clear()


@pytest.mark.parametrize("kind", [EmbeddedMongoDB, EmbeddedRedis])
def test_a_store_whose_port_was_taken_starts_at_another_one_and_keeps_that(kind, tmp_path):
    store = kind(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", store.port))
        store.start()
        assert store.port != taken.getsockname()[1]
    assert store.address_file(tmp_path).read_text() == store.uri
    store.kill()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", store.port))
        store.launch()
        with pytest.raises(StoreFailed, match=r"its log says: .+\): see "):
            store.wait_until_ready()
