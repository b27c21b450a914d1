"""MongoDB's time, as a process estimates it."""

import time

from server.clock import TRUSTED_SECONDS, Clock


def test_a_read_that_took_long_does_not_make_the_clock_slow():
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 5_000)
    clock.see(now_ms + 4_000)
    assert 0 <= clock.now_ms() - (now_ms + 5_000) < 500
    clock.see(now_ms + 6_000)
    assert 0 <= clock.now_ms() - (now_ms + 6_000) < 500


def test_the_machines_clock_counts_no_more_once_mongodbs_is_seen(monkeypatch):
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms)
    wrong = time.time_ns() + 25 * 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: wrong)
    assert 0 <= clock.now_ms() - now_ms < 500


def test_a_machine_whose_clock_is_ahead_believes_mongodb_at_once(monkeypatch):
    right = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: right + 25 * 3600 * 10**9)
    clock = Clock()
    clock.see(right // 1_000_000)
    assert 0 <= clock.now_ms() - right // 1_000_000 < 500


def test_a_clock_that_was_set_back_is_believed_after_a_while(monkeypatch):
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 60_000)
    later = time.monotonic() + TRUSTED_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    clock.see(now_ms)
    assert 0 <= clock.now_ms() - now_ms < 500
