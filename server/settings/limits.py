"""How often a person, or an address, may do something that has a cost. Pure.

A limit is the most acts in a window, which begins with the first act. 0 means no limit.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

Most = Annotated[int, Meta(ge=0, le=1_000_000)]
# What is counted. `digs` are digs of tasks without a cooldown. Per address, only failed `logins` are counted,
# and `digs` are not counted.
Limited: TypeAlias = Literal[
    "publishes",
    "uploads",
    "upload_kb",
    "posters",
    "logins",
    "reports",
    "profiles",
    "consents",
    "new_sockets",
    "digs",
]
LIMITED: tuple[Limited, ...] = get_args(Limited)
# Limits whose setting has another unit: the name of the setting, and how many counted units make one unit of
# the setting.
UNITS: dict[Limited, tuple[str, int]] = {"upload_kb": ("upload_mb", 1024)}
HOUR_SECONDS = 3600
MINUTE_SECONDS = 60
WINDOW_SECONDS: dict[Limited, int] = {
    **dict.fromkeys(LIMITED, HOUR_SECONDS),
    "logins": MINUTE_SECONDS,
    "new_sockets": MINUTE_SECONDS,
    "digs": 1,
}
# In development everybody has the same address, so these limits are 0 there.
IN_PRODUCTION = {
    "publishes_an_address": "300",
    "uploads_an_address": "600",
    "upload_mb_an_address": "2000",
    "posters_an_address": "600",
    "reports_an_address": "200",
    "profiles_an_address": "300",
    "consents_an_address": "2000",
    "new_sockets_an_address": "600",
}


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits among the settings: `<what>_a_person` and `<what>_an_address`. `UNITS` has the exception."""

    publishes_a_person: Most = 30
    publishes_an_address: Most = 0
    uploads_a_person: Most = 100
    uploads_an_address: Most = 0
    upload_mb_a_person: Most = 200
    upload_mb_an_address: Most = 0
    posters_a_person: Most = 60
    posters_an_address: Most = 0
    logins_a_person: Most = 20
    logins_an_address: Most = 60
    reports_a_person: Most = 20
    reports_an_address: Most = 0
    profiles_a_person: Most = 20
    profiles_an_address: Most = 0
    consents_a_person: Most = 200
    consents_an_address: Most = 0
    new_sockets_a_person: Most = 60
    new_sockets_an_address: Most = 0
    digs_a_person: Most = 10
