"""The log: an event's errors are told whole, and nobody's ids with them."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from conftest import Client
from purse import find, pay, publish_red_packet, rest, win

from server.actions.win import record_prize
from server.context import Context
from server.logs import OneLine


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, as the server writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(OneLine())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.mark.gen_test
async def test_an_error_of_the_store_is_logged_without_the_values_that_were_written(
    client: Client, context: Context, log: io.StringIO
) -> None:
    alice, bob = await client.log_in_all("alice", "bob")
    code = await publish_red_packet(alice)
    await pay(client, context, alice, code)
    await win(client, context, bob, code)
    (dig,) = await find(context, "digs", code=code)
    context.spawn(record_prize(context, dig | {"_id": f"{code}:2", "depth": 2}))  # type: ignore[arg-type]
    await rest(context)
    assert "record_prize" in log.getvalue()
    assert "DuplicateKeyError" in log.getvalue()
    assert bob.unionid not in log.getvalue()


def test_any_other_error_is_logged_whole_and_no_line_of_it_passes_for_an_event(log: io.StringIO) -> None:
    try:
        raise ValueError("two\nlines of /getTaskList?unionid=somebody")  # noqa: TRY301
    except ValueError:
        logging.getLogger("wabao").exception("it failed")
    first, *others = log.getvalue().splitlines()
    assert first.endswith("it failed")
    assert others[-1].endswith("lines of /getTaskList?…")
    assert all(line.startswith("    ") for line in others)
