"""How often a person, or an address, may do something that has a cost. Pure.

A limit is the most acts in a window, which begins with the first act. LIMITS_A_PERSON and LIMITS_AN_ADDRESS
multiply all limits of their kind; 0 means no limit.
"""

from typing import Literal, NamedTuple, TypeAlias

# What is counted. `digs` are digs of tasks without a cooldown. Per address, only failed `logins` are counted,
# and `digs` are not counted.
Limited: TypeAlias = Literal[
    "publishes", "uploads", "upload_kb", "posters", "logins", "reports", "profiles", "consents",
    "new_sockets", "digs",
]  # fmt: skip


class Bound(NamedTuple):
    """The most acts of a person, and of an address, in so many seconds. 0: no limit."""

    a_person: int
    an_address: int
    seconds: int = 3600


BOUNDS: dict[Limited, Bound] = {
    "publishes": Bound(30, 300),
    "uploads": Bound(100, 600),
    "upload_kb": Bound(200 << 10, 2000 << 10),
    "posters": Bound(60, 600),
    "logins": Bound(20, 60, seconds=60),
    "reports": Bound(20, 200),
    "profiles": Bound(20, 300),
    "consents": Bound(200, 2000),
    "new_sockets": Bound(60, 600, seconds=60),
    "digs": Bound(10, 0, seconds=1),
}
