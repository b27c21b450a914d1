"""The shared access token, where one machine's clock is ten minutes ahead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from server.context import Context
from server.wechat import tokens
from server.wechat.tokens import AccessToken

APPID = "wx1"
AHEAD_SECONDS = 600
Fetch = Callable[[bool], Awaitable[tuple[str, int]]]


@contextmanager
def wrong_machine() -> Iterator[None]:
    """Runs the `with` block's work on the machine whose clock is ahead."""
    right = time.time
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", lambda: right() + AHEAD_SECONDS)
        yield


def process(context: Context, fetch: Fetch) -> AccessToken:
    """Return one process's access token, which reads the shared one."""
    return AccessToken(APPID, context.store.access_tokens, context.keys, fetch)


def answering(name: str, seconds: int) -> Fetch:
    async def fetch(_force: bool) -> tuple[str, int]:
        return name, seconds

    return fetch


async def test_a_machine_whose_clock_is_ahead_does_not_renew_a_token_that_is_good(context):
    assert await process(context, answering("good", 800)).current() == "good"
    with wrong_machine():
        assert await process(context, answering("needless", 800)).current() == "good"


async def test_a_token_that_such_a_machine_stored_is_renewed_before_it_is_over(context):
    with wrong_machine():
        assert await process(context, answering("short", 200)).current() == "short"
    assert await process(context, answering("next", 7200)).current() == "next"


async def test_a_renewal_in_which_such_a_machine_died_is_taken_over(context, monkeypatch):
    monkeypatch.setattr(tokens, "LEASE_MS", 100)
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 3.0)
    begun, never = asyncio.Event(), asyncio.Event()

    async def die(_force: bool) -> tuple[str, int]:
        begun.set()
        await never.wait()
        return "late", 7200

    with wrong_machine():
        dying = asyncio.create_task(process(context, die).current())
        await begun.wait()
    assert await process(context, answering("new", 7200)).current() == "new"
    never.set()
    assert await dying == "late"


async def test_a_token_is_read_once_in_ten_seconds_and_again_when_wechat_refuses_it(context, monkeypatch):
    names = iter(("first", "second"))

    async def fetch(_force: bool) -> tuple[str, int]:
        return next(names), 7200

    reads = 0
    find = context.store.access_tokens.find

    async def count(appid: str) -> tuple[bytes, int]:
        nonlocal reads
        reads += 1
        return await find(appid)

    one, another = process(context, fetch), process(context, fetch)
    assert await one.current() == await one.current() == "first"
    monkeypatch.setattr(context.store.access_tokens, "find", count)
    assert [await one.current() for _ in range(3)] == ["first"] * 3
    assert reads == 0
    assert await another.current(refused="first") == "second"
    assert await one.current() == "first"
    assert await another.current() == "second"
    assert await one.current(refused="first") == await one.current() == "second"
    monkeypatch.setattr(tokens, "REMEMBERED_SECONDS", 0.0)
    brief, reads = process(context, fetch), 0
    assert await brief.current() == await brief.current() == "second"
    assert reads == 2
