"""A crowd while MongoDB is frozen: refused soon, and served again as soon as MongoDB goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.testing import ExpectLog

from server.running.stores import EmbeddedMongoDB
from server.runtime.page_reads import SILENT_SECONDS

PROMISED_SECONDS = SILENT_SECONDS + 2  # less than the 5 s after which the driver gives up


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    """A store of this test's own, since the test freezes it."""
    own = EmbeddedMongoDB(tmp_path_factory.mktemp("frozen"))
    own.start()
    yield own
    own.kill()


@pytest.fixture
def mongodb_uri(store: EmbeddedMongoDB) -> str:
    return store.uri


async def test_pages_are_refused_soon_while_the_store_is_silent_and_come_back_with_it(
    client, open_page, context, store
):
    alice, *crowd = await client.log_in_all("alice", *(f"person{number}" for number in range(60)))
    code = await alice.publish()
    await alice.get("/getTaskDetails", code=code)
    pid = store.process.pid if store.process is not None else 0

    async def tap(person: Any) -> tuple[int, str | None, float]:
        began = time.monotonic()
        reply = await client.http.get(
            "/getTaskDetails",
            params={"unionid": person.unionid, "code": code},
            headers={"Authorization": f"Bearer {person.token}"},
        )
        return reply.status_code, reply.headers.get("Retry-After"), time.monotonic() - began

    os.kill(pid, signal.SIGSTOP)
    try:
        with ExpectLog("wabao.access", ".*", required=False), ExpectLog("", ".*", required=False):
            tapped = await asyncio.gather(*(tap(person) for person in crowd))
            again = await asyncio.gather(*(tap(person) for person in crowd[:10]))
            page = await open_page(crowd[0], code)
            assert await page.closed() == 1001
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {(status, retry) for status, retry, _ in tapped + again} == {(503, "1")}
    assert max(seconds for *_, seconds in tapped) < PROMISED_SECONDS
    assert max(seconds for *_, seconds in again) < PROMISED_SECONDS
    while (await tap(crowd[0]))[0] != 200:
        pass
    assert {status for status, *_ in await asyncio.gather(*(tap(person) for person in crowd))} == {200}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/getTaskDetails", {"code": "cold"}),
        ("/getTaskList", {}),
        ("/getTaskUser", {"code": "warm"}),
        ("/getTaskUser", {"code": "cold", "page": 1}),
        ("/getTaskUser", {}),
    ],
)
async def test_requests_that_need_a_silent_store_are_refused_as_soon(client, context, store, path, asked):
    alice = await client.log_in("alice")
    codes = {"warm": await alice.publish(), "cold": await alice.publish()}
    await alice.get("/getTaskDetails", code=codes["warm"])
    asked = asked | ({"code": codes[asked["code"]]} if "code" in asked else {})
    pid = store.process.pid if store.process is not None else 0
    os.kill(pid, signal.SIGSTOP)
    try:
        with ExpectLog("", ".*", required=False):
            began = time.monotonic()
            assert (await alice.get(path, **asked))["error"] == "unavailable"
            assert time.monotonic() - began < PROMISED_SECONDS
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_known_person_can_watch_although_the_store_is_silent(client, open_page, store):
    alice = await client.log_in("alice")
    code = await alice.publish()
    await alice.get("/getTaskDetails", code=code)
    pid = store.process.pid if store.process is not None else 0
    os.kill(pid, signal.SIGSTOP)
    try:
        page = await open_page(alice, code)
        assert (await page.next())["type"] == "snapshot"
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_page_is_read_without_a_share_token_though_the_store_is_silent(client, context, store):
    await context.bus.connected.wait()
    alice = await client.log_in("alice")
    code = await alice.publish()
    token = (await alice.get("/getTaskDetails", code=code))["share"]
    pid = store.process.pid if store.process is not None else 0
    os.kill(pid, signal.SIGSTOP)
    try:
        with ExpectLog("", ".*", required=False):
            began = time.monotonic()
            page = await alice.get("/getTaskDetails", code=code)
            assert time.monotonic() - began < PROMISED_SECONDS
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (page["status"], page["code"], page["share"]) == (0, code, "")
    while (await alice.get("/getTaskDetails", code=code))["share"] != token:
        pass
