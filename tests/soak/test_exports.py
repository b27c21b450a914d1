"""A table of a million rows is sent row by row, and the server holds only a few hundred rows at once."""

import time
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path

import pytest

from server.game.amounts import BEIJING
from server.store.prizes.prizes import Prize, Prizes
from support.operators import operator

ROWS = 1_000_000
MORE_BYTES = 20 << 20


def resident_bytes() -> int:
    """Return how much memory this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


@pytest.mark.timeout(0)
@pytest.mark.gen_test(timeout=1_800)
async def test_a_million_rows_are_sent_while_memory_stays_as_it_was(client, context, monkeypatch):
    """A fake of the store's cursor yields the rows: writing them into the embedded store takes an hour."""
    code = await (await client.log_in("alice")).publish(forecast_num=2)
    given_ms = int(time.time() * 1000)

    async def made(_: Prizes, from_ms: int, until_ms: int) -> AsyncGenerator[list[Prize]]:
        assert from_ms < given_ms < until_ms
        for number in range(ROWS):
            yield [Prize(
                _id=f"{code}:{number}", code=code, depth=number, person_id=f"u{number}", publisher="alice",
                wxname=f"小明{number}", goods_type=2, draw_type=1, amount_fen=0, state="given", attempt=0,
                won_at=given_ms, claimed_at=given_ms, given_at=given_ms,
            )]  # fmt: skip

    monkeypatch.setattr(Prizes, "given_between", made)
    await operator(client)
    asked = {"month": datetime.now(BEIJING).strftime("%Y-%m"), "reason": "报税"}
    lines = before = most = 0
    async with client.http.stream("POST", "/ops/winners", json=asked, timeout=60) as reply:
        async for part in reply.aiter_bytes():
            lines += part.count(b"\n")
            if not before and lines > ROWS // 100:  # by now, all modules that a table needs are loaded
                before = most = resident_bytes()
            elif before:
                most = max(most, resident_bytes())
    assert lines == ROWS + 1
    assert most - before < MORE_BYTES
    [act] = [each for each in (await client.get("/ops/log"))["data"] if each["act"] == "export_prizes"]
    assert act["outcome"] == "done"
