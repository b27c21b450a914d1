"""Whether the database is the one that this server serves from, and whether our secrets open what is stored.

A process that meets another database, an emptied one, or values that none of its secrets opens must answer
nothing from it: an emptied database would say that no task ever existed.
"""

import functools
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from server.runtime.single_flight import SingleFlight
from server.security.keys import Keys
from server.store import Store, is_unavailable
from server.store.sealed_values import PLACES

log = logging.getLogger("wabao.database")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a database is not served from. The meaning of `values` depends on `what`:

    - identity: the identity that it should have, and the one that it has, "" for none.
    - keys: the fingerprints of the secrets that this server lacks.
    """

    what: Literal["identity", "keys"]
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """One line for the log."""
        if self.what == "keys":
            return f"SECRET_KEYS lacks {', '.join(self.values)} (fingerprints), under which values are sealed"
        ours, found = self.values
        met = f"{found}, which is another one" if found else "emptied, or was never prepared"
        return f"MONGODB_URI: the database of this server is {ours}, and the one that answers is {met}"

    @property
    def msg(self) -> str:
        """One line for `/readyz`."""
        if self.what == "keys":
            return f"SECRET_KEYS 缺少指纹为 {'、'.join(self.values)} 的密钥，有数据用它密封，请补上后重启"
        ours, found = self.values
        met = f"是另一个，{found}" if found else "被清空了，或从未准备过"
        return f"这台服务器的数据库是 {ours}，现在答复的{met}，请检查 MONGODB_URI"


class OwnDatabase:
    """One per process. `wrong` is None while the database may be served from."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        identity: str = "",
        see: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`identity` is that of our database, if it is known; otherwise the first database that is found
        counts as ours.

        `see` is told MongoDB's time with each look.
        """
        self._store = store
        self._keys = keys
        self._see = see
        self.identity = identity
        self.wrong: Wrong | None = None
        self.featured: list[str] = []  # the tasks on top of the square, the last one first
        self._looks = SingleFlight[str, bool]()

    async def look(self) -> None:
        """See in one read whether the database may be served from. Raises PyMongoError."""
        about, now_ms = await self._store.meta.look()
        if about is not None:
            self._see(now_ms)
        found = "" if about is None else about["identity"]
        self.identity = self.identity or found
        if about is None or found != self.identity:
            self.wrong = Wrong("identity", (self.identity, found))
        else:
            self.wrong = self._lacking(about["keys"])
            self.featured = about.get("featured", [])[::-1]

    async def look_through(self) -> None:
        """Do what `look` does, and see under which secrets values are sealed. Raises PyMongoError."""
        await self.look()
        if self.wrong is None:
            values = self._store.sealed_values
            stored = [each for purpose in PLACES for each in await values.fingerprints(purpose)]
            self.wrong = self._lacking(stored)

    async def answers(self) -> bool:
        """Look; return whether MongoDB answers and the database may be served from."""
        was = self.wrong
        try:
            await self.look()
        except Exception as error:
            if not is_unavailable(error):
                raise
            return False
        if self.wrong != was:
            log.error("not ready: %s", self.wrong.text) if self.wrong else log.warning("ready again")
        return self.wrong is None

    def _lacking(self, fingerprints: Iterable[str]) -> Wrong | None:
        lacking = sorted(set(fingerprints) - self._keys.fingerprints)
        return Wrong("keys", tuple(lacking)) if lacking else None

    async def confirm(self) -> bool:
        """Whether something that a read just failed to find is really missing in our database.

        A look says so: the read may have met another database. All who ask at once share a look.
        """
        return await self._looks.result("", self.answers)

    def while_ours(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return a form of this work that does nothing while the database may not be served from."""

        async def turn() -> None:
            if self.wrong is None:
                await work()

        functools.update_wrapper(turn, work.func if isinstance(work, functools.partial) else work)
        return turn
