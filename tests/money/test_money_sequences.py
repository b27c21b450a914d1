"""Random sequences of events keep the ledger balanced. `bench/money.py` runs as many as you like."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.databases import with_database
from support.money_machine import MoneyMachine
from support.money_world import World


def test_random_sequences_keep_the_ledger_balanced_and_pay_nothing_twice(mongodb_uri, redis_url, tmp_path):
    world = World(with_database(mongodb_uri, "test_sequences"), redis_url, str(tmp_path))
    MoneyMachine.world = world
    try:
        run_state_machine_as_test(
            MoneyMachine,
            settings=settings(
                max_examples=4,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        world.close()
