"""MongoDB's time, as a process estimates it."""

from __future__ import annotations

import time

import pytest

from server.clock import TRUSTED_SECONDS, Clock


def test_a_read_that_took_long_does_not_make_the_clock_slow() -> None:
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 5_000)
    clock.see(now_ms + 4_000)
    assert 0 <= clock.now_ms() - (now_ms + 5_000) < 500
    clock.see(now_ms + 6_000)
    assert 0 <= clock.now_ms() - (now_ms + 6_000) < 500


def test_a_clock_that_was_set_back_is_believed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 60_000)
    later = time.monotonic() + TRUSTED_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    clock.see(now_ms)
    assert 0 <= clock.now_ms() - now_ms < 500
