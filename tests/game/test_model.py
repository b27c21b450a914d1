"""All that the tables allow: nobody is paid twice, what is paid in is used or goes back, and all ends."""

from __future__ import annotations

from typing import Literal

import pytest

from support.handing_over import explore_goods
from support.paying_in import explore_orders
from support.paying_out import explore_packet


@pytest.mark.parametrize(("attempts", "freezes"), [(1, 0), (1, 1), (2, 0), (2, 1)])
def test_a_red_packet_is_paid_once_or_goes_back(attempts: int, freezes: int):
    found = explore_packet(attempts, freezes)
    assert not found.wrong, str(found)
    assert found.states > 400


@pytest.mark.parametrize("orders", [1, 2])
def test_what_is_paid_in_opens_its_task_or_goes_back(orders: int):
    found = explore_orders(orders)
    assert not found.wrong, str(found)
    assert found.states > 200


@pytest.mark.parametrize("by", ["mail", "site"])
def test_goods_are_given_away_once_or_stay_the_publishers(by: Literal["mail", "site"]):
    found = explore_goods(by)
    assert not found.wrong, str(found)
    assert found.states > 50
