"""MongoDB's time, as a process estimates it."""

import time

from server.clock import TRUSTED_SECONDS, Clock

DAY_AND_HOUR_NS = 25 * 3600 * 10**9
HOUR_MS = 3_600_000


def test_a_read_that_took_long_does_not_make_the_clock_slow():
    clock = Clock()
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 5_000)
    clock.see(now_ms + 4_000)
    assert 0 <= clock.now_ms() - (now_ms + 5_000) < 500
    clock.see(now_ms + 6_000)
    assert 0 <= clock.now_ms() - (now_ms + 6_000) < 500


def test_the_machines_clock_counts_no_more_once_mongodbs_is_seen():
    ahead_ns = 0
    clock = Clock(lambda: time.time_ns() + ahead_ns)
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms)
    ahead_ns = DAY_AND_HOUR_NS
    assert 0 <= clock.now_ms() - now_ms < 500


def test_a_machine_whose_clock_is_ahead_believes_mongodb_at_once():
    right = time.time_ns()
    clock = Clock(lambda: right + DAY_AND_HOUR_NS)
    clock.see(right // 1_000_000)
    assert 0 <= clock.now_ms() - right // 1_000_000 < 500


def test_a_clock_that_was_set_back_is_believed_after_a_while():
    passed = 0.0
    clock = Clock(monotonic_ns=lambda: time.monotonic_ns() + int(passed * 1e9))
    now_ms = time.time_ns() // 1_000_000
    clock.see(now_ms + 60_000)
    passed = TRUSTED_SECONDS - 1
    clock.see(now_ms)
    assert clock.now_ms() - now_ms > 60_000
    passed = TRUSTED_SECONDS + 1
    clock.see(now_ms)
    assert 0 <= clock.now_ms() - now_ms < 500


def test_an_hour_that_mongodbs_clock_steps_is_believed_and_told_and_an_old_answer_is_not(log):
    now = 60.0
    steps: list[None] = []
    clock = Clock(monotonic_ns=lambda: int(now * 1e9), count_step=lambda: steps.append(None))
    clock.see(DAY_AND_HOUR_NS // 1_000_000)
    for step_ms in (-HOUR_MS, HOUR_MS):
        told_ms = clock.now_ms()
        for _ in range(24):
            now += 0.5
            told_ms += 500
            clock.see(told_ms + step_ms)
        assert clock.now_ms() == told_ms + step_ms
        assert f"stepped by {step_ms / 1000:+.1f} s" in log.getvalue()
    told_ms = clock.now_ms()
    now += 3600  # the process stood still, and then reads an answer from before
    clock.see(told_ms)
    clock.see(told_ms + HOUR_MS)
    assert clock.now_ms() == told_ms + HOUR_MS
    assert len(steps) == 2
