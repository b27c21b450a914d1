"""The simulation of `bench/capacity.py`: it agrees with sums done by hand, and one seed has one answer."""

import math
import statistics

import pytest

from bench.parts.queueing import MOMENT, Cost, DigCost, Hall, comeback, saturated, shared_link, ticking, wave

DIG = DigCost(worker=0.005, store=0.01, commands=4, bus=0.0001, heard=0.0005, send=1e-5, read=1e-6)


@pytest.mark.parametrize(
    ("processes", "cores", "most"),
    [(1, 2, 1000), (2, 2, 2 / 0.0011), (4, 2, 2 / 0.0011), (4, math.inf, 4000)],
)
def test_requests_saturate_the_processes_or_the_cores_that_clients_share(processes, cores, most):
    rate, waits = saturated(Hall(processes, cores), Cost(worker=0.001, client=0.0001), 64, 2.0)
    assert rate == pytest.approx(most, rel=0.02)
    assert statistics.mean(waits) == pytest.approx(64 / most, rel=0.05)


def test_one_seed_has_one_answer_and_another_seed_another():
    details = Cost(worker=0.001, store=0.001, client=0.0001, steps=2, query=0.001, answer=0.002)
    first, again, other = (shared_link(Hall(4, 2, seed), details, Cost(0.001), 50) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 50


def test_a_dig_takes_its_deliveries_one_after_the_other_and_more_processes_share_them():
    (alone,) = wave(Hall(1, math.inf), DIG, 10_000)
    (shared,) = wave(Hall(10, math.inf), DIG, 10_000)
    assert len(alone) == len(shared) == 10_000
    assert max(alone) - min(alone) == pytest.approx(0.1, rel=0.02)
    assert max(shared) - min(shared) < 0.02
    assert min(alone) > 2 * DIG.store / DIG.commands


def test_requests_that_ask_the_store_at_one_moment_share_a_query():
    asked = Cost(worker=1e-6, store=0.0001, steps=1, answer=0.05)
    assert max(shared_link(Hall(1, math.inf), asked, Cost(1e-6), 100)) == pytest.approx(
        0.05 + 0.0001 + MOMENT + 0.05 + 99 * 0.0001, rel=0.05
    )  # the first query goes alone, all others together, a moment later
    quick = Cost(worker=1e-6, store=1e-6, steps=1)
    assert max(shared_link(Hall(1, math.inf), quick, Cost(1e-6), 100)) == pytest.approx(MOMENT, rel=0.05)


def test_ticks_hold_up_who_asks_and_a_lost_process_comes_back_by_the_others():
    waits = ticking(Hall(1, math.inf), 1e-6, 1e-5, pages=10_000, seconds=20)
    assert max(waits) == pytest.approx(0.1, rel=0.05)
    assert sum(wait > 1e-3 for wait in waits) / len(waits) == pytest.approx(0.1, abs=0.02)
    assert comeback(Hall(2, math.inf), Cost(0.001), 4000, within=0) == pytest.approx(2, rel=0.05)
    assert comeback(Hall(9, math.inf), Cost(0.001), 4000, within=5) == pytest.approx(5, rel=0.01)
