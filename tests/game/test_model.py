"""Whatever the tables allow: nobody is paid twice, all money is used or goes back, and an end is reached."""

import pytest

from support.handing_over import explore_goods
from support.paying_in import explore_orders
from support.paying_out import explore_packet


def test_a_red_packet_is_paid_once_or_goes_back():
    found = explore_packet(2, 1)  # test_model_guards.py explores the smaller worlds
    assert not found.wrong, str(found)
    assert found.states > 400


def test_what_a_red_packet_owes_is_not_noted_as_done_before_it_is():
    found = explore_packet(1, 1, noted=True)
    assert not found.wrong, str(found)


@pytest.mark.parametrize("orders", [1, 2])
def test_what_is_paid_in_opens_its_task_or_goes_back(orders):
    found = explore_orders(orders)
    assert not found.wrong, str(found)
    assert found.states > 200


@pytest.mark.parametrize("by", ["mail", "site"])
def test_goods_are_given_away_once_or_stay_the_publishers(by):
    found = explore_goods(by)
    assert not found.wrong, str(found)
    assert found.states > 50
