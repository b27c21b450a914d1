"""What a process knows of cooldowns by itself."""

from __future__ import annotations

import time

import pytest

from server.realtime.cooldowns import TRUSTED_SECONDS, Cooldowns


def test_a_read_that_took_long_does_not_make_the_clock_slow() -> None:
    cooldowns = Cooldowns()
    now_ms = time.time_ns() // 1_000_000
    cooldowns.see_clock(now_ms + 5_000)
    cooldowns.see_clock(now_ms + 4_000)
    assert 0 <= cooldowns.now_ms() - (now_ms + 5_000) < 500
    cooldowns.see_clock(now_ms + 6_000)
    assert 0 <= cooldowns.now_ms() - (now_ms + 6_000) < 500


def test_a_clock_that_was_set_back_is_believed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    cooldowns = Cooldowns()
    now_ms = time.time_ns() // 1_000_000
    cooldowns.see_clock(now_ms + 60_000)
    later = time.monotonic() + TRUSTED_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    cooldowns.see_clock(now_ms)
    assert 0 <= cooldowns.now_ms() - now_ms < 500
