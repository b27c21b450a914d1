"""The server's half of a draw: a seed that it commits to before it knows the publisher's half.

Nothing is stored. The publisher gets the seed sealed, and brings it back to publish. The task's code follows
from the seed alone, whatever the server's secrets are. So a seed makes only one task: a second task would
need the same code.
"""

import secrets
from typing import NamedTuple

from server.context import Context
from server.errors import BadCommitment
from server.game import draw
from server.game.amounts import DAY_MS
from server.game.sealed import Sealed
from server.security.keys import FINGERPRINT_DIGITS
from server.security.random_codes import derived_code
from server.store.people.people import Person

COMMITTED_MS = DAY_MS
_PURPOSE = "commitment"
_TIME_BYTES = 8


class Commitment(NamedTuple):
    """What a publisher gets: `seed_hash` and `sealed_seed` are hex, `expires_at` is unix ms."""

    seed_hash: str
    sealed_seed: str
    expires_at: int


class Committed(NamedTuple):
    """A seed that a publisher brought back, and the code of the one task that it can make."""

    seed: bytes
    code: str
    expired: bool


def commit(context: Context, publisher: Person) -> Commitment:
    """Draw a seed for this publisher, who may publish with it for COMMITTED_MS."""
    seed = secrets.token_bytes(draw.SEED_BYTES)
    expires_at = context.clock.now_ms() + COMMITTED_MS
    plain = seed + expires_at.to_bytes(_TIME_BYTES, "big")
    sealed = context.keys.seal(_PURPOSE, plain, publisher["_id"])
    return Commitment(draw.hash_seed(seed), sealed["key"] + sealed["box"].hex(), expires_at)


def open_commitment(context: Context, publisher: Person, sealed_seed: str) -> Committed:
    """Return the seed that `commit` sealed for this publisher. Raises BadCommitment if there is none."""
    try:
        key = sealed_seed[:FINGERPRINT_DIGITS]
        box = bytes.fromhex(sealed_seed[FINGERPRINT_DIGITS:])
        plain = context.keys.open(_PURPOSE, Sealed(key=key, box=box), publisher["_id"])
    except ValueError:
        raise BadCommitment from None
    seed = plain[: draw.SEED_BYTES]
    expires_at = int.from_bytes(plain[draw.SEED_BYTES :], "big")
    return Committed(seed, derived_code(seed, "code"), expires_at <= context.clock.now_ms())
