"""What WeChat's sandbox keeps. A production database never has these collections."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from pymongo import IndexModel

from devtools.sandbox.store.codes import SandboxCodes
from devtools.sandbox.store.keys import SandboxKeyPairs, SandboxKeys
from devtools.sandbox.store.merchant import make_key_pairs, merchant_of
from devtools.sandbox.store.messages import SandboxMessages
from devtools.sandbox.store.notices import Misbehaviours, SandboxNotices
from devtools.sandbox.store.pay import SandboxPay
from server.settings.merchant import Merchant
from server.store.driver import Database

__all__ = ["SandboxStore"]


class Calls:
    """How often each interface was called in the present second, of one process."""

    def __init__(self) -> None:
        self._second = 0
        self._counted: Counter[str] = Counter()

    def count(self, call: str, second: int) -> int:
        """Count a call; return how many of its kind this second has had."""
        if second != self._second:
            self._second = second
            self._counted.clear()
        self._counted[call] += 1
        return self._counted[call]


class SandboxStore:
    """The sandbox's collections. Open it only if `settings.sandboxed`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls = Calls()
        self.codes = SandboxCodes(database)
        self.keys = SandboxKeys(database)
        self.pay = SandboxPay(database)
        self.notices = SandboxNotices(database)
        self.misbehaviours = Misbehaviours(database)
        self.messages = SandboxMessages(database)

    def indexes(self) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of each collection, by its name."""
        own = {each.NAME: each.INDEXES for each in (self.codes, self.notices)}
        return {**own, **self.pay.indexes(), **self.messages.indexes()}

    async def merchant(self) -> Merchant:
        """Return the sandbox's merchant. In a new database its keys are made, and all indexes before them."""
        pairs = await self.keys.find() or await self.prepare(await asyncio.to_thread(make_key_pairs))
        return await asyncio.to_thread(merchant_of, pairs)

    async def prepare(self, pairs: SandboxKeyPairs) -> SandboxKeyPairs:
        """Build the indexes and keep these keys; return the keys that are kept, perhaps another process's."""
        for name, models in self.indexes().items():
            await self.database[name].create_indexes(list(models))
        return await self.keys.add(pairs)
