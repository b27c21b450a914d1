"""The clocks of MongoDB's members, as the server reads them."""

import time

import pytest

from server.store.cluster import look, read_clocks


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
async def test_a_clock_is_read_right_whatever_the_time_zone_of_this_machine_is(context, mongodb_uri, zone):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        (reading, *_), _ = await read_clocks(mongodb_uri, (await look(context.store.client)).members)
        behind_ms = time.time() * 1000 - await context.store.now_ms()
    time.tzset()
    assert abs(reading.ahead_ms) < 5000
    assert abs(behind_ms) < 5000


async def test_a_secondarys_clock_is_read_too(wire):
    wire.step_down(60)
    (reading,), silent = await read_clocks(wire.uri("admin"), [("127.0.0.1", wire.port)])
    assert abs(reading.ahead_ms) < 5000
    assert silent == []
