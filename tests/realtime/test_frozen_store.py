"""A crowd while MongoDB is frozen: refused soon, and served again as soon as MongoDB goes on."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tornado.testing import ExpectLog

from server.running.stores import EmbeddedMongoDB
from server.runtime.page_reads import SILENT_SECONDS
from support.servers import started, stopped

PROMISED_SECONDS = SILENT_SECONDS + 2  # less than the 5 s after which the driver gives up


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongoDB]:
    """A store of this test's own, since the test freezes it."""
    with started(EmbeddedMongoDB(tmp_path_factory.mktemp("frozen"))) as own:
        yield own


@pytest.fixture
def mongodb_uri(store: EmbeddedMongoDB) -> str:
    return store.uri


@contextmanager
def frozen(store: EmbeddedMongoDB) -> Iterator[None]:
    """Stop the store for a while, as if it hung."""
    access, others = (ExpectLog(name, ".*", required=False) for name in ("wabao.access", ""))
    with access, others, stopped([store.pid]):
        yield


async def test_pages_are_refused_soon_while_the_store_is_silent_and_return(client, open_page, context, store):
    alice, *crowd = await client.log_in_all("alice", *(f"person{number}" for number in range(60)))
    code = await alice.publish()
    await alice.get("/getTaskDetails", code=code)

    async def tap(person: Any) -> tuple[int, str | None, float]:
        began = time.monotonic()
        reply = await client.http.get(
            "/getTaskDetails",
            params={"unionid": person.unionid, "code": code},
            headers={"Authorization": f"Bearer {person.token}"},
        )
        return reply.status_code, reply.headers.get("Retry-After"), time.monotonic() - began

    with frozen(store):
        tapped = await asyncio.gather(*(tap(person) for person in crowd))
        again = await asyncio.gather(*(tap(person) for person in crowd[:10]))
        page = await open_page(crowd[0], code)
        assert await page.closed() == 1001
    assert {(status, retry) for status, retry, _ in tapped + again} == {(503, "1")}
    assert max(seconds for *_, seconds in tapped + again) < PROMISED_SECONDS
    while (await tap(crowd[0]))[0] != 200:
        pass
    assert {status for status, *_ in await asyncio.gather(*(tap(person) for person in crowd))} == {200}


async def test_who_is_known_watches_and_reads_and_all_else_is_refused_soon(client, open_page, context, store):
    await context.bus.connected.wait()
    alice = await client.log_in("alice")
    warm, cold, last = [await alice.publish() for _ in range(3)]
    token = (await alice.get("/getTaskDetails", code=warm))["share"]
    await alice.get("/getTaskDetails", code=last)  # now the process no longer remembers her visit of `warm`
    need_the_store = (
        ("/getTaskDetails", {"code": cold}),
        ("/getTaskList", {}),
        ("/getTaskUser", {"code": warm}),
        ("/getTaskUser", {"code": cold, "page": 1}),
    )

    async def asked(path: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], float]:
        began = time.monotonic()
        reply = await alice.get(path, **parameters)
        return reply, time.monotonic() - began

    with frozen(store):
        watching = await open_page(alice, warm)
        assert (await watching.next())["type"] == "snapshot"
        (page, seconds), *refused = await asyncio.gather(
            asked("/getTaskDetails", {"code": warm}), *(asked(*each) for each in need_the_store)
        )
    assert (page["status"], page["code"], page["share"]) == (0, warm, token)
    assert {reply.get("error") for reply, _ in refused} == {"unavailable"}
    assert max(seconds, *(seconds for _, seconds in refused)) < PROMISED_SECONDS
