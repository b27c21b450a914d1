"""All that can happen to one prize, by the tables: nobody is paid twice, and there is always a way on."""

from __future__ import annotations

from typing import Literal

import pytest

from support.handing_over import explore_goods
from support.paying_out import explore_packet


@pytest.mark.parametrize(("attempts", "freezes"), [(1, 0), (1, 1), (2, 0), (2, 1)])
def test_a_red_packet_is_paid_once_or_goes_back(attempts: int, freezes: int):
    found = explore_packet(attempts, freezes)
    assert not found.wrong, str(found)
    assert found.states > 400


@pytest.mark.parametrize("by", ["mail", "site"])
def test_goods_are_given_away_once_or_stay_the_publishers(by: Literal["mail", "site"]):
    found = explore_goods(by)
    assert not found.wrong, str(found)
    assert found.states > 50
