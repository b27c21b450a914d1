"""What a person, and an address, may do: the table of the documents, and the two factors."""

import re
from pathlib import Path

import pytest

from server.memory.limits import Limits
from server.settings import read_settings
from server.settings.limits import BOUNDS

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
UNITS = {"second": 1, "minute": 60, "hour": 3600}


def test_the_documents_table_is_that_of_the_code():
    _, _, rest = OPERATING.read_text("utf-8").partition("| | of a person | of an address |")
    table, _, _ = rest.partition("\n\n")
    told = []
    for said, person, address in re.findall(r"^\| (.+) \| ([\d,]+) \| ?([\d,]*) \|$", table, re.MULTILINE):
        unit = next(unit for unit in UNITS if re.search(rf"\b{unit}\b", said))
        times = 1 << 10 if said.startswith("megabytes") else 1
        counts = [int(count.replace(",", "") or 0) * times for count in (person, address)]
        told.append((*counts, UNITS[unit]))
    assert told == [tuple(bound) for bound in BOUNDS.values()]


@pytest.mark.parametrize(
    ("person", "address", "most"), [(3, 5, [90, 1500, 15_000]), (1, 0, [30]), (0, 1, [300, 3000])]
)
async def test_each_factor_multiplies_the_limits_of_its_kind(context, person, address, most):
    factors = {"LIMITS_A_PERSON": str(person), "LIMITS_AN_ADDRESS": str(address)}
    settings = read_settings(factors)
    limits = Limits(settings, context.keys, context.bus)
    counts = limits.counts("publishes", "somebody", "2001:db8:1:2::/64")
    assert [(count.most, count.window_seconds) for count in counts] == [(each, 3600) for each in most]
