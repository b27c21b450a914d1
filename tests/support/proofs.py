"""A proof as in a reply of `/getProof`."""

from typing import Any

from server.game import draw

SEED = bytes(range(32))
RULES = draw.make_rules("Abcdefghij12", 3, 20, 5, 2)
PARAMS = draw.encode_rules(RULES)
COMMITMENT = draw.commitment(SEED, RULES)


def a_reply() -> dict[str, Any]:
    """Return the reply of /getProof for a task that was dug to its end."""
    depths = draw.winning_depths(SEED, RULES)
    digs = [{"depth": depth, "is_prize": int(depth in depths)} for depth in range(1, depths[-1] + 1)]
    return {
        "status": 0,
        "msg": "",
        "seed": SEED.hex(),
        "params": PARAMS,
        "commitment": COMMITMENT,
        "winning_depths": depths,
        "dug": len(digs),
        "digs": digs,
    }
