"""A cluster under mongodb+srv://: PyMongo looks its names up at the first command, when DNS may be away."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from server.errors import BadSettings
from server.running.worker import Waiting
from server.settings import Settings, read_settings
from support.databases import primary_of, with_database
from support.servers import PATIENCE_SECONDS

CLUSTER = "cluster.wabao.example"
MEMBER = "member.wabao.example"
SRV = f"_mongodb._tcp.{CLUSTER}."


class Names:
    """A DNS server. `fails` is the error code of all its answers; with None its answers are right."""

    def __init__(self, port: int) -> None:
        self.fails: dns.rcode.Rcode | None = None
        self.asked = threading.Semaphore(0)
        self._member = f"0 0 {port} {MEMBER}."
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            data, address = self._socket.recvfrom(4096)
            if not data:
                return
            reply = dns.message.make_response(dns.message.from_wire(data))
            if self.fails is not None:
                reply.set_rcode(self.fails)
            elif str(reply.question[0].name) == SRV:
                reply.answer.append(dns.rrset.from_text(SRV, 60, "IN", "SRV", self._member))
            self._socket.sendto(reply.to_wire(), address)
            self.asked.release()

    def end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def names(mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """The DNS server that PyMongo asks. The cluster's only member is on this machine."""
    server = Names(primary_of(mongodb_uri)[1])
    for asked in (dns.resolver, dns.asyncresolver):  # by motor, and by PyMongo's own client
        resolver = asked.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.port
        monkeypatch.setattr(asked, "default_resolver", resolver)
    look_up = socket.getaddrinfo

    def found(host: Any, *rest: Any, **named: Any) -> Any:
        return look_up("127.0.0.1" if host == MEMBER else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield server
    server.end()


@pytest.fixture
def clustered(settings: Settings, redis_url: str) -> Settings:
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    database = urlsplit(settings.mongodb_uri).path[1:]
    uri = with_database(f"mongodb+srv://{CLUSTER}/?tls=false", database)
    return read_settings({"MONGODB_URI": uri, "REDIS_URL": redis_url, "DATA_DIR": settings.data_dir})


async def test_a_worker_waits_while_the_names_of_a_cluster_cannot_be_asked_for(names, clustered, caplog):
    names.fails = dns.rcode.SERVFAIL
    waiting = asyncio.create_task(Waiting().wait_for_data(clustered, asyncio.Event(), "", prepares=True))
    assert await asyncio.to_thread(names.asked.acquire, timeout=PATIENCE_SECONDS)
    while "MongoDB does not answer; trying again" not in caplog.text:
        assert not waiting.done()
        await asyncio.sleep(0)
    names.fails = None
    assert await waiting


async def test_a_name_that_does_not_exist_ends_a_worker_with_one_line(names, clustered):
    names.fails = dns.rcode.NXDOMAIN
    with pytest.raises(BadSettings, match=f"^MONGODB_URI: .*does not exist.*{CLUSTER}"):
        await Waiting().wait_for_data(clustered, asyncio.Event(), "", prepares=True)
