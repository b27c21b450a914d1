"""Plants the faults that the crash tests look for, to show that their checks find them."""

import pytest

from support.invariants import check_states
from support.purse import all_documents, put_back, sweep_until_quiet

HALF_DONE = [
    ("orders", {"state": "paid"}, "orders"),
    ("orders", {"state": "asked"}, "paid in vain"),
    ("prizes", {"state": "asked"}, "prizes"),
    ("prizes", {"freezing": 1}, "not all are frozen yet"),
    ("prizes", {"state": "frozen"}, "nothing is frozen"),
    ("prizes", {"state": "sent"}, "nobody will count it as received"),
    ("prizes", {"state": "claiming"}, "waiting"),
    ("prizes", {"then": {"message": 1}}, "what it owes"),
    ("freezes", {"state": "frozen", "due_at": 1}, "freezes"),
    ("freezes", {"state": "frozen"}, "can be claimed"),
]


async def test_what_is_half_done_is_found(context, alice, bob):
    await alice.won_packet(bob)
    await sweep_until_quiet(context)
    await check_states(context)
    whole = await all_documents(context)
    for collection, update, said in HALF_DONE:
        stored = context.store.database[collection]
        if collection == "freezes":
            await stored.insert_one({"of": bob.id, **update})
        else:
            changes = {"$set": update, "$unset": {"due_at": 0}}
            assert (await stored.update_one({}, changes)).modified_count == 1
        with pytest.raises(AssertionError, match=said):
            await check_states(context)
        await put_back(context, whole)
